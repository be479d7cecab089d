//! What an FTP server's lines mean. Reads what comes from outside, so it bounds everything and fails softly.

/// The longest line, and the most lines of one reply, that are taken.
pub(super) const LINE_AT_MOST: usize = 4096;
const LINES_AT_MOST: usize = 100;

/// So much of what a server says is kept.
const KEPT: usize = 200;

/// What the server says to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// Three digits.
    pub code: u16,
    /// Its words.
    pub text: String,
}

/// It does not speak FTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoFtp;

/// Puts replies together from lines: `220 hello`, or `220-hello`, more lines, `220 end`.
#[derive(Debug, Default)]
pub(super) struct Replies {
    open: Option<Reply>,
    lines: usize,
}

impl Replies {
    /// Takes a line; a reply when it is whole.
    pub(super) fn take(&mut self, line: &[u8]) -> Result<Option<Reply>, NoFtp> {
        let line = String::from_utf8_lossy(line.get(..LINE_AT_MOST).unwrap_or(line));
        let line = line.trim_end_matches(['\r', '\n']);
        let code =
            line.get(..3).filter(|code| code.bytes().all(|digit| digit.is_ascii_digit())).and_then(|code| code.parse().ok());
        let (rest, goes_on) = (line.get(4..).unwrap_or_default(), line.as_bytes().get(3) == Some(&b'-'));
        match (&self.open, code) {
            (None, Some(code @ 100..600)) if goes_on => {
                self.open = Some(Reply { code, text: words(rest) });
                self.lines = 0;
                Ok(None)
            }
            (None, Some(code @ 100..600)) => Ok(Some(Reply { code, text: words(rest) })),
            (None, Some(_) | None) => Err(NoFtp),
            (Some(open), code) => {
                if code == Some(open.code) && !goes_on {
                    return Ok(self.open.take());
                }
                self.lines += 1;
                if self.lines > LINES_AT_MOST { Err(NoFtp) } else { Ok(None) }
            }
        }
    }
}

fn words(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(KEPT).collect::<String>().trim().to_owned()
}

/// The port of a reply to `PASV`. Its address is not looked at: it may be wrong, or aim at somebody else.
pub(super) fn passive_port(reply: &Reply) -> Option<u16> {
    let inside = reply.text.split_once('(')?.1.split_once(')')?.0;
    let numbers: Vec<u8> = inside.split(',').map(|number| number.trim().parse().ok()).collect::<Option<_>>()?;
    let [_, _, _, _, high, low] = numbers[..] else { return None };
    Some(u16::from(high) * 256 + u16::from(low)).filter(|port| *port != 0)
}

/// The bytes of a reply to `SIZE`.
pub(super) fn size(reply: &Reply) -> Option<u64> {
    if reply.code == 213 { reply.text.split_whitespace().next()?.parse().ok() } else { None }
}

/// The names in a listing; some machines write paths.
pub(super) fn names(listing: &[u8]) -> Vec<String> {
    let listing = String::from_utf8_lossy(listing);
    let last = |line: &str| line.trim().rsplit('/').next().unwrap_or_default().to_owned();
    listing.lines().map(last).filter(|name| !name.is_empty() && name.len() <= 255).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(lines: &[&str]) -> Result<Option<Reply>, NoFtp> {
        let mut replies = Replies::default();
        lines.iter().try_fold(None, |_, line| replies.take(line.as_bytes()))
    }

    fn reply(code: u16, text: &str) -> Reply {
        Reply { code, text: text.to_owned() }
    }

    #[test]
    fn a_reply_is_a_line_or_all_lines_up_to_the_one_that_ends_it() {
        assert_eq!(read(&["220 (vsFTPd 3.0.3)\r\n"]), Ok(Some(reply(220, "(vsFTPd 3.0.3)"))));
        assert_eq!(read(&["230-Welcome", " 230 still", "231 other", "230 done"]), Ok(Some(reply(230, "Welcome"))));
        assert_eq!(read(&["226"]), Ok(Some(reply(226, ""))));
        assert_eq!(read(&["211-Features:", " SIZE"]), Ok(None));
        for bad in ["HTTP/1.1 400 Bad Request", "", "99 x", "999 x", "\u{fffd}"] {
            assert_eq!(read(&[bad]), Err(NoFtp), "{bad}");
        }
    }

    #[test]
    fn a_reply_without_an_end_is_given_up() {
        let mut replies = Replies::default();
        assert_eq!(replies.take(b"220-a"), Ok(None));
        assert!((0..=LINES_AT_MOST).any(|_| replies.take(b"more") == Err(NoFtp)));
    }

    #[test]
    fn a_passive_port_is_taken_and_its_address_is_not() {
        assert_eq!(passive_port(&reply(227, "Entering Passive Mode (10,0,0,1,195,80).")), Some(50_000));
        for bad in ["", "(1,2,3)", "(1,2,3,4,5,256)", "(1,2,3,4,0,0)", "1,2,3,4,5,6"] {
            assert_eq!(passive_port(&reply(227, bad)), None, "{bad}");
        }
    }

    #[test]
    fn sizes_and_names_are_read_as_different_machines_write_them() {
        assert_eq!(size(&reply(213, "12345")), Some(12_345));
        assert_eq!(size(&reply(550, "12345")), None);
        assert_eq!(names(b"a.3mf\r\n/cache/b.3mf\r\n\r\n./c\n"), ["a.3mf", "b.3mf", "c"]);
    }

    proptest! {
        #[test]
        fn no_line_of_a_server_breaks_the_reader(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..20)) {
            let mut replies = Replies::default();
            for line in &lines {
                if let Ok(Some(reply)) = replies.take(line) {
                    prop_assert!((100..600).contains(&reply.code) && reply.text.chars().count() <= KEPT);
                    let _ = (passive_port(&reply), size(&reply));
                }
                prop_assert!(names(line).iter().all(|name| !name.contains('/')));
            }
        }
    }
}
