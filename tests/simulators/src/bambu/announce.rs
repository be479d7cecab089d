//! How a printer is found: the announcement, its answer to a search, and the identification on port 3000. Texts and bytes only.

use super::settings::Settings;
use serde_json::{Value, json};

const KIND: &str = "urn:bambulab-com:device:3dprinter:1";

/// What it tells everybody now and then.
pub(super) fn notify(settings: &Settings) -> String {
    format!(
        "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1990\r\nServer: UPnP/1.0\r\n{}NT: {KIND}\r\n{}",
        place(settings),
        facts(settings)
    )
}

/// Its answer to whoever searches for it.
pub(super) fn answer(settings: &Settings, search: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(search);
    let asks = text.starts_with("M-SEARCH ") && text.lines().any(is_search_for_us);
    asks.then(|| format!("HTTP/1.1 200 OK\r\nServer: UPnP/1.0\r\n{}ST: {KIND}\r\n{}", place(settings), facts(settings)))
}

fn is_search_for_us(line: &str) -> bool {
    let field = line.split_once(':');
    field.is_some_and(|(name, value)| name.trim().eq_ignore_ascii_case("ST") && matches!(value.trim(), KIND | "ssdp:all"))
}

fn place(settings: &Settings) -> String {
    format!("Location: {}\r\n", settings.address)
}

fn facts(settings: &Settings) -> String {
    format!(
        "USN: {}\r\nCache-Control: max-age=1800\r\nDevModel.bambu.com: {}\r\nDevName.bambu.com: {}\r\nDevSignal.bambu.com: -45\r\n\
         DevConnect.bambu.com: lan\r\nDevBind.bambu.com: free\r\nDevseclink.bambu.com: secure\r\nDevVersion.bambu.com: {}\r\n\
         DevCap.bambu.com: 1\r\n\r\n",
        settings.serial,
        settings.model.code(),
        settings.name,
        settings.firmware,
    )
}

/// The length of a frame on port 3000, once its head has come; none if it is no frame.
pub(super) fn frame_length(head: [u8; 4]) -> Option<usize> {
    let [0xa5, 0xa5, low, high] = head else { return None };
    Some(usize::from(u16::from_le_bytes([low, high]))).filter(|length| *length >= 6)
}

/// The frame that answers a whole frame; none if it asks for nothing that is known.
pub(super) fn identify(settings: &Settings, frame: &[u8]) -> Option<Vec<u8>> {
    let asked = frame.get(4..)?.strip_suffix(&[0xa7, 0xa7])?;
    let asked: Value = serde_json::from_slice(asked).ok()?;
    let login = asked.get("login").filter(|login| login["command"] == "detect")?;
    let answer = json!({ "login": {
        "bind": "free",
        "command": "detect",
        "connect": "lan",
        "dev_cap": 1,
        "id": settings.serial,
        "model": settings.model.code(),
        "name": settings.name,
        "sequence_id": login["sequence_id"],
        "version": settings.firmware,
    } });
    let text = answer.to_string();
    let length = u16::try_from(text.len() + 6).ok()?.to_le_bytes();
    Some([&[0xa5, 0xa5], &length[..], text.as_bytes(), &[0xa7, 0xa7]].concat())
}

#[cfg(test)]
mod tests {
    use super::super::settings::Model;
    use super::*;

    #[test]
    fn a_search_for_the_kind_is_answered_and_any_other_is_not() {
        let settings = Settings::of(Model::A1Mini, 7);
        let search = |kind: &str| format!("M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nST: {kind}\r\n\r\n");
        let told = answer(&settings, search(KIND).as_bytes()).unwrap();
        assert!(told.contains("\r\nLocation: 127.0.0.1\r\n") && told.contains("\r\nUSN: 03000A000000007\r\n"), "{told}");
        assert!(notify(&settings).contains("\r\nDevModel.bambu.com: N1\r\n"));
        assert_eq!(answer(&settings, search("upnp:rootdevice").as_bytes()), None);
    }

    #[test]
    fn the_identification_is_a_frame_with_the_serial_number() {
        let settings = Settings::of(Model::P1s, 7);
        let asked = br#"{"login":{"command":"detect","sequence_id":"20004"}}"#;
        let length = (asked.len() + 6) as u8;
        let frame = [&[0xa5, 0xa5, length, 0], &asked[..], &[0xa7, 0xa7]].concat();
        assert_eq!(frame_length([0xa5, 0xa5, length, 0]), Some(frame.len()));
        let told = identify(&settings, &frame).unwrap();
        assert_eq!(frame_length([told[0], told[1], told[2], told[3]]), Some(told.len()));
        let told: Value = serde_json::from_slice(&told[4..told.len() - 2]).unwrap();
        assert_eq!((&told["login"]["id"], &told["login"]["sequence_id"]), (&json!("01P00A000000007"), &json!("20004")));
        assert_eq!(frame_length(*b"GET "), None);
        assert_eq!(identify(&settings, &frame[..20]), None);
    }
}
