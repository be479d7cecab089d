//! Server-Sent Events: from bytes, however they are cut, to messages. Pure; who reads and reconnects is
//! elsewhere.

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Its kind; empty = an ordinary one.
    pub kind: String,
    /// What it says.
    pub data: String,
    /// Where the stream goes on after it, if it says.
    pub id: Option<String>,
}

/// Reads messages out of bytes.
#[derive(Debug, Default)]
pub struct Reader {
    rest: Vec<u8>,
    message: Message,
}

impl Reader {
    /// The messages that are whole now.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Message> {
        self.rest.extend_from_slice(bytes);
        let mut messages = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                let message = std::mem::take(&mut self.message);
                if message != Message::default() {
                    messages.push(message);
                }
            } else {
                self.take(line);
            }
        }
        messages
    }

    fn take(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.message.kind),
            "id" => self.message.id = Some(value.to_owned()),
            "data" => {
                if !self.message.data.is_empty() {
                    self.message.data.push('\n');
                }
                self.message.data.push_str(value);
            }
            // A comment keeps the line open; what is unknown is for newer readers.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        "id: e-4\n\n: alive\n\nid: e-5\ndata: {\"a\":\ndata: \"ü\"}\n\nevent: telemetry\r\ndata: {}\r\n\r\ndata: cut";

    fn message(kind: &str, data: &str, id: Option<&str>) -> Message {
        Message { kind: kind.into(), data: data.into(), id: id.map(str::to_owned) }
    }

    #[test]
    fn messages_are_the_same_however_the_bytes_are_cut() {
        let whole = Reader::default().feed(STREAM.as_bytes());
        assert_eq!(
            whole,
            [message("", "", Some("e-4")), message("", "{\"a\":\n\"ü\"}", Some("e-5")), message("telemetry", "{}", None)]
        );
        for cut in 1..7 {
            let mut reader = Reader::default();
            let pieces: Vec<Message> = STREAM.as_bytes().chunks(cut).flat_map(|piece| reader.feed(piece)).collect();
            assert_eq!(pieces, whole, "cut into {cut}");
        }
    }
}
