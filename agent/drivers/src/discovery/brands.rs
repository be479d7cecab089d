//! How machines of each brand tell of themselves. This stands beside the brands' folders and not in them: a machine must be
//! recognised before there is a link to it, and the same datagram is looked at for all brands.

use std::net::{IpAddr, SocketAddr};

use domain::text::Serial;
use serde_json::Value;

use super::{Announcement, Service, Sighting};
use crate::{marlin, moonraker, octoprint, prusalink};

/// The name of a driver as printers' links have it.
const BAMBU: &str = "bambu";

/// The services that are asked for by multicast DNS.
pub const SERVICES: &[&str] = &["_octoprint._tcp", "_moonraker._tcp", "_prusalink._tcp", "_http._tcp"];

/// The kinds of devices that are searched for by SSDP, and where: group or broadcast, and port. Who tells of itself unasked
/// tells it to the same ports.
pub const SEARCHES: &[(&str, &str)] =
    &[(BAMBU_DEVICE, "239.255.255.250:1990"), (BAMBU_DEVICE, "239.255.255.250:2021"), (BAMBU_DEVICE, "255.255.255.255:2021")];

const BAMBU_DEVICE: &str = "urn:bambulab-com:device:3dprinter:1";

/// Drivers that compare the serial number with the machine's certificate before anything secret is sent.
pub const PROVES: &[&str] = &[BAMBU];

const IN_THE_CLOUD: &str = "It is connected to its maker's cloud. On its screen switch on LAN mode and Developer Mode, then take the access code from there.";

/// Others announce themselves as this brand besides, so that older programs find them.
pub(super) fn is_imitated(driver: &str) -> bool {
    driver == octoprint::NAME
}

fn url(address: IpAddr, port: u16, path: &str) -> String {
    let host = match SocketAddr::new(address, port) {
        SocketAddr::V4(at) => at.ip().to_string(),
        SocketAddr::V6(at) => format!("[{}]", at.ip()),
    };
    let port = if port == 80 { String::new() } else { format!(":{port}") };
    let path = path.trim_matches('/');
    if path.is_empty() { format!("http://{host}{port}") } else { format!("http://{host}{port}/{path}") }
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.chars().filter(|c| !c.is_control()).take(100).collect())
}

/// What a service of multicast DNS is; none if it is no printer.
pub fn of_service(service: &Service) -> Option<Sighting> {
    let text = |key: &str| service.text.get(key).and_then(|value| filled(value));
    let at = |driver, path: &str| Sighting::at(driver, url(service.address, service.port, path));
    let host = || filled(service.host.trim_end_matches(".local"));
    let named = |brand: &str| service.instance.to_lowercase().starts_with(brand);
    match service.service.as_str() {
        "_moonraker._tcp" => Some(Sighting {
            name: host(),
            serial: text("uuid").and_then(|uuid| uuid.parse().ok()),
            firmware: text("version").map(|version| format!("Moonraker {version}")),
            ..at(moonraker::NAME, &text("route_prefix").unwrap_or_default())
        }),
        "_prusalink._tcp" => Some(Sighting { name: host(), ..at(prusalink::NAME, &text("path").unwrap_or_default()) }),
        "_octoprint._tcp" | "_http._tcp" if named("prusalink") => {
            Some(Sighting { name: host(), ..at(prusalink::NAME, &text("path").unwrap_or_default()) })
        }
        "_octoprint._tcp" => Some(octoprint_at(service, &at, &text)),
        "_http._tcp" if named("octoprint") => Some(octoprint_at(service, &at, &text)),
        _ => None,
    }
}

fn octoprint_at(
    service: &Service,
    at: &impl Fn(&'static str, &str) -> Sighting,
    text: &impl Fn(&str) -> Option<String>,
) -> Sighting {
    // By itself it says `OctoPrint instance "Name" on host`.
    let quoted = service.instance.split('"').nth(1).and_then(filled);
    Sighting {
        name: quoted.or_else(|| filled(service.host.trim_end_matches(".local"))),
        model: text("model"),
        serial: text("uuid").and_then(|uuid| uuid.parse().ok()),
        firmware: text("version").map(|version| format!("OctoPrint {version}")),
        ..at(octoprint::NAME, &text("path").unwrap_or_default())
    }
}

/// What an SSDP datagram from that address is; none if it is no printer.
pub fn of_announcement(said: &Announcement, from: IpAddr) -> Option<Sighting> {
    if said.kind() != Some(BAMBU_DEVICE) || said.leaves() {
        return None;
    }
    let serial: Serial = said.header("usn")?.parse().ok()?;
    // The location is a bare address; a machine behind a relay of datagrams says itself where it is.
    let address = said.header("location").and_then(|location| location.parse().ok()).unwrap_or(from);
    let word = |name: &str| said.header(name).and_then(filled);
    let cloud = said.header("devconnect.bambu.com") == Some("cloud");
    Some(Sighting {
        advice: cloud.then_some(IN_THE_CLOUD),
        ..of_identification(address, serial, word("devname.bambu.com"), word("devmodel.bambu.com"), word("devversion.bambu.com"))
    })
}

/// A machine that told its serial number, name, model code and firmware.
pub(super) fn of_identification(
    at: IpAddr,
    serial: Serial,
    name: Option<String>,
    code: Option<String>,
    version: Option<String>,
) -> Sighting {
    let model = code.map(|code| bambu_model(&code).map_or(code, str::to_owned));
    Sighting { name, model, serial: Some(serial), firmware: version, ..Sighting::at(BAMBU, at.to_string()) }
}

/// The model by the code that the machine tells; serial numbers do not tell it.
fn bambu_model(code: &str) -> Option<&'static str> {
    Some(match code {
        "BL-P001" => "Bambu Lab X1 Carbon",
        "BL-P002" => "Bambu Lab X1",
        "C13" => "Bambu Lab X1E",
        "C11" => "Bambu Lab P1P",
        "C12" => "Bambu Lab P1S",
        "N7" => "Bambu Lab P2S",
        "N1" => "Bambu Lab A1 mini",
        "N2S" => "Bambu Lab A1",
        "N9" => "Bambu Lab A2L",
        "N6" => "Bambu Lab X2D",
        "O1D" => "Bambu Lab H2D",
        "O1S" => "Bambu Lab H2S",
        "O1C" | "O1C2" => "Bambu Lab H2C",
        _ => return None,
    })
}

/// What answers so to a GET of that path; none if it is no printer.
pub(super) fn of_page(from: IpAddr, port: u16, path: &str, status: &str, head: &str, body: Option<&Value>) -> Option<Sighting> {
    let text = |pointer: &str| body.and_then(|body| body.pointer(pointer)?.as_str()).and_then(filled);
    let driver = match path {
        "/server/info" => (text("/result/klippy_state").is_some() || status == "401").then_some(moonraker::NAME)?,
        // Made for this: it answers so to anybody, and with nothing.
        "/plugin/appkeys/probe" => (status == "204").then_some(octoprint::NAME)?,
        "/api/version" => {
            let realm = head.to_lowercase().contains("digest realm=\"printer api\"")
                || head.to_lowercase().contains("digest realm=\"administrator\"");
            let itself = text("/text").is_some_and(|text| text.starts_with("PrusaLink"));
            (itself || realm).then_some(prusalink::NAME)?
        }
        _ => return None,
    };
    let firmware = text("/result/moonraker_version").map(|version| format!("Moonraker {version}"));
    let firmware = firmware.or_else(|| text("/text"));
    Some(Sighting { firmware, ..Sighting::at(driver, url(from, port, "")) })
}

/// What stands on a serial port, by its stable name under `/dev/serial/by-id`; none if it is known to be something else.
pub fn of_device(name: &str, path: &str) -> Option<Sighting> {
    let told = name.strip_prefix("usb-")?;
    let told = told.rfind("-if").and_then(|at| told.get(..at)).unwrap_or(told);
    // A bare board of Klipper speaks to its host only.
    if told.to_lowercase().starts_with("klipper_") {
        return None;
    }
    let (model, serial) = match told.rsplit_once('_') {
        Some((model, serial)) if serial.len() >= 6 && serial.bytes().any(|byte| byte.is_ascii_digit()) => (model, Some(serial)),
        Some(_) | None => (told, None),
    };
    let model = model.replace('_', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    Some(Sighting {
        name: filled(&model),
        serial: serial.and_then(|serial| serial.parse().ok()),
        ..Sighting::at(marlin::NAME, path.to_owned())
    })
}
