//! How PrusaLink is told who we are: a key in a header, or HTTP Digest. The printers' own server speaks
//! the old form of Digest (RFC 2069: no `qop`, and no `algorithm` is understood) and forgets its nonce
//! after five seconds; the one on a Raspberry Pi speaks `MD5-sess` with `qop`.

use domain::secret::Secret;
use http::Method;

use crate::web::Header;

/// Who we are at a printer's own PrusaLink; a Raspberry Pi may have another name for us.
const USUAL_NAME: &str = "maker";

/// The key or password, and how it is shown.
#[derive(Debug)]
pub(super) struct Auth {
    name: String,
    secret: Secret<String>,
    /// A name was entered with the secret: then it is a password and no key.
    is_password: bool,
    how: How,
}

/// How it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum How {
    Key,
    /// With the newest challenge, once there is one.
    Digest(Option<Challenge>),
}

/// What a server asks of a client that shows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Option<String>,
    qop: bool,
    /// What was shown was right, but for the nonce.
    pub is_stale: bool,
}

impl Auth {
    pub(super) fn new(entered: &Secret<String>) -> Self {
        let (name, secret, is_password) = match entered.expose().split_once(':') {
            Some((name, password)) if !name.is_empty() => (name, password, true),
            Some(_) | None => (USUAL_NAME, entered.expose().as_str(), false),
        };
        let mut auth = Self { name: name.to_owned(), secret: Secret::new(secret.to_owned()), is_password, how: How::Key };
        auth.start_over();
        auth
    }

    /// From the first way again: the server may be another one by now.
    pub(super) fn start_over(&mut self) {
        self.how = if self.is_password { How::Digest(None) } else { How::Key };
    }

    /// The key was refused: it may be a password. False if that was tried.
    pub(super) fn try_as_password(&mut self) -> bool {
        let was_key = self.how == How::Key;
        if was_key {
            self.how = How::Digest(None);
        }
        was_key
    }

    pub(super) const fn is_digest(&self) -> bool {
        matches!(self.how, How::Digest(_))
    }

    /// A server asked so.
    pub(super) fn challenged(&mut self, challenge: Challenge) {
        self.how = How::Digest(Some(challenge));
    }

    /// The header for that call; none while it is not known what the server asks. `serial` is never used twice.
    pub(super) fn header(&self, method: &Method, uri: &str, serial: u64) -> Option<Header> {
        match &self.how {
            How::Key => Some(("x-api-key", self.secret.clone())),
            How::Digest(challenge) => {
                let answer = challenge.as_ref()?.answer(&self.name, self.secret.expose(), method, uri, serial);
                Some(("authorization", Secret::new(answer)))
            }
        }
    }
}

impl Challenge {
    /// Reads a `WWW-Authenticate` header; none if it asks for something else than Digest with MD5.
    pub(super) fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim_start().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let mut read =
            Self { realm: String::new(), nonce: String::new(), opaque: None, algorithm: None, qop: false, is_stale: false };
        let mut has_nonce = false;
        for (name, value) in Parameters(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => read.realm = value,
                "nonce" => (read.nonce, has_nonce) = (value, true),
                "opaque" => read.opaque = Some(value),
                "algorithm" => read.algorithm = Some(value),
                "qop" => read.qop = value.split(',').any(|word| word.trim().eq_ignore_ascii_case("auth")),
                "stale" => read.is_stale = value.eq_ignore_ascii_case("true"),
                _ => {}
            }
        }
        let known = match &read.algorithm {
            None => true,
            Some(algorithm) => algorithm.eq_ignore_ascii_case("md5") || algorithm.eq_ignore_ascii_case("md5-sess"),
        };
        (has_nonce && known).then_some(read)
    }

    fn answer(&self, name: &str, password: &str, method: &Method, uri: &str, serial: u64) -> String {
        let client_nonce = md5(&format!("{serial}:{}", self.nonce));
        let mut who = md5(&format!("{name}:{}:{password}", self.realm));
        if self.algorithm.as_ref().is_some_and(|algorithm| algorithm.eq_ignore_ascii_case("md5-sess")) {
            who = md5(&format!("{who}:{}:{client_nonce}", self.nonce));
        }
        let what = md5(&format!("{method}:{uri}"));
        let response = if self.qop {
            md5(&format!("{who}:{}:00000001:{client_nonce}:auth:{what}", self.nonce))
        } else {
            md5(&format!("{who}:{}:{what}", self.nonce))
        };
        let mut text = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\"",
            quoted(name),
            quoted(&self.realm),
            quoted(&self.nonce)
        );
        // The printers' own server takes a known word in a place that it does not know for a fault.
        if let Some(algorithm) = &self.algorithm {
            text += &format!(", algorithm={algorithm}");
        }
        if let Some(opaque) = &self.opaque {
            text += &format!(", opaque=\"{}\"", quoted(opaque));
        }
        if self.qop {
            text += &format!(", qop=auth, nc=00000001, cnonce=\"{client_nonce}\"");
        }
        text
    }
}

/// The parameters of a challenge: `name=value` or `name="value"`, with commas between.
struct Parameters<'a>(&'a str);

impl Iterator for Parameters<'_> {
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.trim_start_matches([' ', ',', '\t']).split_once('=')?;
        let value = if let Some(quoted) = rest.strip_prefix('"') {
            let mut value = String::new();
            let mut letters = quoted.char_indices();
            loop {
                match letters.next() {
                    Some((_, '\\')) => value.extend(letters.next().map(|(_, letter)| letter)),
                    Some((at, '"')) => {
                        self.0 = quoted.get(at + 1..).unwrap_or_default();
                        break;
                    }
                    Some((_, letter)) => value.push(letter),
                    None => {
                        self.0 = "";
                        break;
                    }
                }
            }
            value
        } else {
            let (value, after) = rest.split_once(',').unwrap_or((rest, ""));
            self.0 = after;
            value.trim().to_owned()
        };
        Some((name.trim().to_owned(), value))
    }
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn md5(text: &str) -> String {
    format!("{:x}", md5::compute(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_A_PRINTER: &str = r#"Digest realm="Printer API", nonce="dcd98b7102dd2f0e", stale="false""#;
    const OF_A_PI: &str = r#"Digest realm="Administrator",qop="auth",algorithm="MD5-sess",nonce="n1",opaque="o1",stale=true"#;

    fn answer(entered: &str, header: &str) -> String {
        let mut auth = Auth::new(&Secret::new(entered.to_owned()));
        auth.challenged(Challenge::read(header).unwrap());
        auth.header(&Method::GET, "/api/version", 7).unwrap().1.expose().clone()
    }

    #[test]
    fn a_printers_challenge_is_answered_in_the_old_form() {
        let who = md5("maker:Printer API:secret");
        let response = md5(&format!("{who}:dcd98b7102dd2f0e:{}", md5("GET:/api/version")));
        let expected = format!(
            r#"Digest username="maker", realm="Printer API", nonce="dcd98b7102dd2f0e", uri="/api/version", response="{response}""#
        );
        assert_eq!(answer("secret", OF_A_PRINTER), expected);
    }

    #[test]
    fn a_pis_challenge_is_answered_with_session_and_quality() {
        let said = answer("me:secret", OF_A_PI);
        let client_nonce = md5("7:n1");
        let who = md5(&format!("{}:n1:{client_nonce}", md5("me:Administrator:secret")));
        let response = md5(&format!("{who}:n1:00000001:{client_nonce}:auth:{}", md5("GET:/api/version")));
        assert!(said.contains(&format!("response=\"{response}\"")), "{said}");
        assert!(
            said.ends_with(&format!(", algorithm=MD5-sess, opaque=\"o1\", qop=auth, nc=00000001, cnonce=\"{client_nonce}\""))
        );
    }

    #[test]
    fn only_digest_with_md5_is_a_challenge() {
        assert!(Challenge::read(OF_A_PI).unwrap().is_stale);
        assert!(!Challenge::read(OF_A_PRINTER).unwrap().is_stale);
        for other in
            ["", "Digest", "Digest realm=\"x\"", r#"ApiKey realm="Printer API""#, "Digest nonce=\"a\", algorithm=SHA-256"]
        {
            assert_eq!(Challenge::read(other), None, "{other}");
        }
    }

    #[test]
    fn what_was_entered_is_first_a_key_and_then_a_password_unless_a_name_stands_before_it() {
        let mut auth = Auth::new(&Secret::new("secret".to_owned()));
        assert_eq!(auth.header(&Method::GET, "/", 1).unwrap().0, "x-api-key");
        assert!(auth.try_as_password());
        assert_eq!(auth.header(&Method::GET, "/", 2), None);
        assert!(!auth.try_as_password());
        assert!(Auth::new(&Secret::new("me:secret".to_owned())).is_digest());
    }
}
