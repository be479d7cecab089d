//! The pictures on port 6000: who may see them, and how one is framed.

/// A picture of nothing much: a JPEG of grey.
const PICTURE: &[u8] = include_bytes!("../../fixtures/bambu-camera.jpg");

/// How long the request to see them is.
pub(super) const REQUEST: usize = 80;

/// User and access code of a request.
pub(super) fn credentials(request: &[u8; REQUEST]) -> Option<(String, String)> {
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    let is_request = request[..8] == [0x40, 0, 0, 0, 0, 0x30, 0, 0];
    is_request.then(|| (text(&request[16..48]), text(&request[48..])))
}

/// The head and the picture. The printers send them apart, and clients count on it.
pub(super) fn frame() -> ([u8; 16], &'static [u8]) {
    let mut head = [0; 16];
    head[..4].copy_from_slice(&u32::try_from(PICTURE.len()).unwrap_or_default().to_le_bytes());
    head[8] = 1;
    (head, PICTURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_user_and_code_and_a_frame_is_as_long_as_it_says() {
        let mut request = [0; REQUEST];
        request[..8].copy_from_slice(&[0x40, 0, 0, 0, 0, 0x30, 0, 0]);
        request[16..20].copy_from_slice(b"bblp");
        request[48..56].copy_from_slice(b"12345678");
        assert_eq!(credentials(&request), Some(("bblp".into(), "12345678".into())));
        request[5] = 0;
        assert_eq!(credentials(&request), None);
        let (head, picture) = frame();
        assert_eq!(u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize, picture.len());
        assert!(picture.starts_with(&[0xff, 0xd8, 0xff, 0xe0]) && picture.ends_with(&[0xff, 0xd9]));
    }
}
