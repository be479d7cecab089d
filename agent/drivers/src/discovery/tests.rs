//! What is read out of datagrams and answers, as real machines send them and as nobody should.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::dns::{self, Data, Kind};
use super::*;

const PI: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 20));

fn label(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

fn name(labels: &[&str]) -> Vec<u8> {
    let mut out: Vec<u8> = labels.iter().flat_map(|text| label(text)).collect();
    out.push(0);
    out
}

fn record(owner: &[u8], kind: Kind, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    [owner, &(kind as u16).to_be_bytes(), &[0x80, 1, 0, 0, 0, 120], &length.to_be_bytes(), data].concat()
}

fn answer(records: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(records.len()).unwrap();
    let head: Vec<u8> = [0, 0x8400, 0, count, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    [head, records.concat()].concat()
}

/// The records by which a host says that it offers that service.
fn offer(service: &str, instance: &str, port: u16, text: &[&str]) -> Vec<Vec<u8>> {
    let service = name(&[service, "_tcp", "local"]);
    let full = [label(instance), service.clone()].concat();
    let host = name(&["pi", "local"]);
    let server = [&[0, 0, 0, 0], port.to_be_bytes().as_slice(), &host].concat();
    let text: Vec<u8> = text.iter().flat_map(|pair| label(pair)).collect();
    vec![
        record(&service, Kind::Ptr, &full),
        record(&full, Kind::Srv, &server),
        record(&full, Kind::Txt, &text),
        record(&host, Kind::A, &[192, 168, 1, 20]),
    ]
}

fn sightings(datagrams: &[Vec<u8>]) -> Vec<Sighting> {
    let mut heard = Heard::default();
    datagrams.iter().for_each(|datagram| heard.take(datagram, PI));
    merged(heard.services().iter().filter_map(of_service))
}

#[test]
fn a_question_names_every_service_and_wants_its_answer_straight_back() {
    let question = Heard::question(SERVICES);
    let text = String::from_utf8_lossy(&question);
    assert!(SERVICES.iter().all(|service| text.contains(service.split('.').next().unwrap())), "{text}");
    assert_eq!(question.windows(4).filter(|end| *end == [0, 12, 0x80, 1]).count(), SERVICES.len());
    assert!(dns::read(&question).is_empty(), "somebody's question is no answer");
}

#[test]
fn what_a_machine_tells_in_any_order_and_in_several_datagrams_is_put_together() {
    let records = offer("_moonraker", "Moonraker-12345678 @ voron", 7125, &["uuid=abc123", "version=v0.11.0", "route_prefix="]);
    let expected = Sighting {
        name: Some("pi".to_owned()),
        serial: Some("abc123".parse().unwrap()),
        firmware: Some("Moonraker v0.11.0".to_owned()),
        ..Sighting::at("moonraker", "http://192.168.1.20:7125".to_owned())
    };
    let backwards: Vec<Vec<u8>> = records.iter().rev().map(|record| answer(std::slice::from_ref(record))).collect();
    assert_eq!(sightings(&backwards), std::slice::from_ref(&expected));
    assert_eq!(sightings(&[answer(&records)]), [expected]);
}

#[test]
fn an_instance_of_which_no_port_was_told_is_asked_further() {
    let records = offer("_octoprint", "Printer 1.5 \"big\"", 80, &[]);
    let mut heard = Heard::default();
    assert!(heard.further_question().is_none());
    heard.take(&answer(&records[..1]), PI);
    let question = heard.further_question().unwrap();
    let whole = label("Printer 1.5 \"big\"");
    assert!(question.windows(whole.len()).any(|part| part == whole), "its name is one label, dots and all");
    heard.take(&answer(&records[1..]), PI);
    assert!(heard.further_question().is_none());
}

#[test]
fn names_that_lead_back_into_themselves_end() {
    let owner = name(&["_http", "_tcp", "local"]);
    for pointer in [[0xC0, 12].as_slice(), &[0xC0, 49], &[1, b'a', 0xC0, 12], &[0xFF, 0xFF]] {
        let message = answer(&[record(&owner, Kind::Ptr, pointer)]);
        assert!(dns::read(&message).len() <= 1);
    }
    let compressed = answer(&[record(&owner, Kind::Ptr, &[1, b'a', 0xC0, 12])]);
    let [record] = &dns::read(&compressed)[..] else { panic!("one record") };
    assert_eq!(record.data, Data::Pointer("a._http._tcp.local".to_owned()));
}

#[test]
fn each_brand_is_known_by_what_it_announces() {
    let check = |service: &str, instance: &str, port: u16, text: &[&str], expected: Option<(&str, &str)>| {
        let found = sightings(&[answer(&offer(service, instance, port, text))]);
        let found = found.first().map(|found| (found.driver, found.address.as_str()));
        assert_eq!(found, expected, "{service} {instance}");
    };
    let octoprint = "OctoPrint instance \"Ender\" on octopi";
    check("_octoprint", octoprint, 80, &["path=/", "version=1.11.8"], Some(("octoprint", "http://192.168.1.20")));
    check("_octoprint", octoprint, 5000, &["path=/octo/"], Some(("octoprint", "http://192.168.1.20:5000/octo")));
    check("_http", octoprint, 5000, &["path=/"], Some(("octoprint", "http://192.168.1.20:5000")));
    check("_prusalink", "PrusaLink at mk3:8080", 8080, &["path=/"], Some(("prusalink", "http://192.168.1.20:8080")));
    check("_octoprint", "PrusaLink at mk3", 80, &["path=/"], Some(("prusalink", "http://192.168.1.20")));
    check("_moonraker", "Moonraker", 7125, &["route_prefix=klipper"], Some(("moonraker", "http://192.168.1.20:7125/klipper")));
    check("_http", "Office printer", 80, &[], None);
    check("_ipp", octoprint, 631, &[], None);
}

#[test]
fn a_machine_that_also_plays_another_brand_is_told_once_as_what_it_is() {
    let played = answer(&offer("_octoprint", "mk4", 80, &["path=/"]));
    let itself = answer(&offer("_prusalink", "mk4", 80, &["path=/"]));
    let found = sightings(&[played, itself]);
    assert_eq!(found.iter().map(|one| one.driver).collect::<Vec<_>>(), ["prusalink"]);
}

const NOTICE: &str = "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nServer: UPnP/1.0\r\nLocation: 192.168.1.31\r\n\
    NT: urn:bambulab-com:device:3dprinter:1\r\nUSN: 01S00A000000001\r\nDevModel.bambu.com: C12\r\nDevName.bambu.com: Left\r\n\
    DevConnect.bambu.com: lan\r\nDevBind.bambu.com: free\r\nDevVersion.bambu.com: 01.08.02.00\r\n\r\n";

#[test]
fn a_machine_that_announces_itself_by_ssdp_is_known_with_model_and_serial_number() {
    let read = |text: &str| Announcement::read(text.as_bytes()).and_then(|said| of_announcement(&said, PI));
    let found = read(NOTICE).unwrap();
    assert_eq!((found.driver, found.address.as_str()), ("bambu", "192.168.1.31"));
    assert_eq!(found.serial.as_ref().map(Serial::as_str), Some("01S00A000000001"));
    assert_eq!((found.name.as_deref(), found.model.as_deref()), (Some("Left"), Some("Bambu Lab P1S")));
    assert_eq!(found.advice, None);
    let answered = NOTICE.replace("NOTIFY * HTTP/1.1", "HTTP/1.1 200 OK").replace("NT:", "ST:");
    assert_eq!(read(&answered), Some(found), "asked or unasked");
    let elsewhere = read(&NOTICE.replace("Location: 192.168.1.31", "Location: http://odd/")).unwrap();
    assert_eq!(elsewhere.address, PI.to_string(), "without an address of its own it is where it speaks from");
    assert!(read(&NOTICE.replace(": lan", ": cloud")).unwrap().advice.is_some_and(|advice| advice.contains("LAN mode")));
    assert_eq!(read(&NOTICE.replace("NOTIFY", "M-SEARCH")), None, "somebody else searches");
    assert_eq!(read(&NOTICE.replace("3dprinter", "toaster")), None);
    assert_eq!(read(&NOTICE.replace("\r\n\r\n", "\r\nNTS: ssdp:byebye\r\n\r\n")), None);
    assert_eq!(read(&NOTICE.replace("01S00A000000001", "")), None);
}

#[test]
fn a_serial_port_is_named_by_its_stable_path_and_a_bare_klipper_board_is_none_of_ours() {
    let check = |device: &str, expected: Option<(&str, Option<&str>)>| {
        let found = of_device(device, &format!("/dev/serial/by-id/{device}"));
        assert!(found.as_ref().is_none_or(|found| found.driver == "marlin" && found.address.ends_with(device)));
        let told = found.as_ref().map(|found| (found.name.as_deref().unwrap(), found.serial.as_ref().map(Serial::as_str)));
        assert_eq!(told, expected, "{device}");
    };
    check(
        "usb-Prusa_Research__prusa3d.com__Original_Prusa_i3_MK3_CZPX1234X004XK12345-if00",
        Some(("Prusa Research prusa3d.com Original Prusa i3 MK3", Some("CZPX1234X004XK12345"))),
    );
    check("usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0", Some(("FTDI FT232R USB UART", Some("A50285BI"))));
    check("usb-1a86_USB_Serial-if00-port0", Some(("1a86 USB Serial", None)));
    check("usb-Klipper_stm32f446xx_1234567890-if00", None);
    check("pci-0000", None);
}

#[test]
fn a_probe_knows_each_machine_by_its_answer_and_nothing_else_by_any() {
    let check = |port: u16, answer: &str, expected: Option<(&str, &str)>| {
        let found = PROBES.iter().filter(|probe| probe.port == port).find_map(|probe| probe.read(PI, answer.as_bytes()));
        assert_eq!(found.as_ref().map(|found| (found.driver, found.address.as_str())), expected, "{port} {answer}");
    };
    let json = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{body}");
    check(7125, &json(r#"{"result": {"klippy_state": "ready"}}"#), Some(("moonraker", "http://192.168.1.20:7125")));
    check(7125, "HTTP/1.1 401 Unauthorized\r\n\r\n{}", Some(("moonraker", "http://192.168.1.20:7125")));
    check(7125, "HTTP/1.1 404 Not Found\r\n\r\n", None);
    check(80, "HTTP/1.1 204 No Content\r\n\r\n", Some(("octoprint", "http://192.168.1.20")));
    check(
        80,
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"Printer API\"\r\n\r\n",
        Some(("prusalink", "http://192.168.1.20")),
    );
    check(
        8080,
        &json("3f\r\n{\"api\": \"2.0.0\", \"text\": \"PrusaLink 0.8.1\"}\r\n0"),
        Some(("prusalink", "http://192.168.1.20:8080")),
    );
    check(80, &json("<html>a router</html>"), None);
    check(80, "", None);
    check(3000, "HTTP/1.1 200 OK\r\n\r\n{\"id\": \"x\"}", None);
    let told = br#"{"login":{"id":"094","model":"O1D","name":"Big","version":"01.00"}}"#;
    let frame = [&[0xA5, 0xA5, 0, 0], told.as_slice(), &[0xA7, 0xA7]].concat();
    let found = PROBES[0].read(PI, &frame).unwrap();
    assert_eq!((found.driver, found.model.as_deref(), found.serial.unwrap().as_str()), ("bambu", Some("Bambu Lab H2D"), "094"));
}

#[test]
fn what_a_probe_sends_is_for_the_address_that_it_goes_to() {
    for probe in PROBES {
        let sent = probe.bytes(PI);
        assert!(sent.starts_with(b"GET /") && sent.ends_with(b"\r\n\r\n") || sent.starts_with(&[0xA5, 0xA5]), "{probe:?}");
    }
}

proptest! {
    #[test]
    fn no_datagram_and_no_answer_does_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), device in ".{0,80}") {
        let mut heard = Heard::default();
        heard.take(&bytes, PI);
        let mut as_answer = vec![0, 0, 0x84, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0];
        as_answer.extend(&bytes);
        heard.take(&as_answer, PI);
        drop(heard.further_question());
        prop_assert!(heard.services().len() <= 500);
        drop(Announcement::read(&bytes).and_then(|said| of_announcement(&said, PI)));
        drop(of_device(&device, "x"));
        for probe in PROBES {
            drop(probe.read(PI, &bytes));
        }
    }

    #[test]
    fn an_answer_with_some_bytes_changed_still_ends(at in 0_usize..220, byte in any::<u8>(), end in 0_usize..260) {
        let mut message = answer(&offer("_moonraker", "Moonraker-12345678 @ voron", 7125, &["uuid=abc", "version=v0.11.0"]));
        if let Some(changed) = message.get_mut(at) {
            *changed = byte;
        }
        message.truncate(end.max(12));
        let mut heard = Heard::default();
        heard.take(&message, PI);
        prop_assert!(heard.services().len() <= 1);
    }

    #[test]
    fn what_is_merged_is_no_more_than_what_was_seen(addresses in proptest::collection::vec(0_u8..4, 0..20)) {
        let all: Vec<Sighting> = addresses.iter().map(|at| Sighting::at("bambu", at.to_string())).collect();
        let distinct: std::collections::BTreeSet<_> = addresses.iter().collect();
        prop_assert_eq!(merged(all).len(), distinct.len());
    }
}

#[test]
fn a_flood_of_names_is_cut_off() {
    let mut heard = Heard::default();
    for number in 0..2_000 {
        heard.take(&answer(&offer("_http", &format!("OctoPrint {number}"), 80, &[])), PI);
    }
    assert!(heard.services().len() <= 500);
}
