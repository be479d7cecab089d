//! Who may enter: a key in a header, or HTTP Digest in the form of each server. Knows no route.

use super::settings::{Form, Settings};
use super::wire::{Reply, text};
use domain::time::Timestamp;
use http::{HeaderMap, HeaderValue, Method, header};

/// A printer forgets its nonces so soon, a Raspberry Pi after five minutes.
const NONCE_OF_A_PRINTER_S: i64 = 5;
const NONCE_OF_A_PI_S: i64 = 300;

/// A nonce is the second in which it was given, under a name that changes with each boot.
const BOOT: u64 = 0x5eed_0001;

/// None: welcome. Else the answer to who is not.
pub(super) fn turned_away(
    settings: &Settings,
    now: Timestamp,
    method: &Method,
    target: &str,
    headers: &HeaderMap,
) -> Option<Reply> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(key) = header("x-api-key") {
        if key == settings.api_key {
            return None;
        }
        return Some(match settings.form {
            Form::Printer => challenged(settings, "ApiKey realm=\"Printer API\"".to_owned()),
            Form::Pi => text(403, "Bad X-Api-Key.".to_owned()),
        });
    }
    let shown = header("authorization").and_then(Shown::read);
    let Some(shown) = shown else { return Some(challenge(settings, now, false)) };
    let right = shown.is_right(settings, method, target);
    let fresh = is_fresh(settings, now, shown.get("nonce"));
    match (settings.form, right, fresh) {
        (_, true, true) => None,
        // A printer says so only to who knows the password, a Raspberry Pi to everybody.
        (Form::Printer, right, false) => Some(challenge(settings, now, right)),
        (Form::Pi, _, false) => Some(challenge(settings, now, true)),
        (Form::Printer | Form::Pi, false, true) => Some(challenge(settings, now, false)),
    }
}

/// The answer to everybody, whatever they show.
pub(super) fn everybody_turned_away(settings: &Settings, now: Timestamp, headers: &HeaderMap) -> Reply {
    match settings.form {
        Form::Pi if headers.contains_key("x-api-key") => text(403, "Bad X-Api-Key.".to_owned()),
        Form::Printer | Form::Pi => challenge(settings, now, false),
    }
}

fn challenge(settings: &Settings, now: Timestamp, stale: bool) -> Reply {
    let nonce = format!("{BOOT:08x}{:08x}", now.millis() / 1000 % 0x1_0000_0000);
    challenged(
        settings,
        match settings.form {
            Form::Printer => format!("Digest realm=\"Printer API\", nonce=\"{nonce}\", stale=\"{stale}\""),
            Form::Pi => {
                let stale = if stale { ",stale=true" } else { "" };
                format!(
                    "Digest realm=\"Administrator\",qop=\"auth\",algorithm=\"MD5-sess\",nonce=\"{nonce}\",opaque=\"0p4que\"{stale}"
                )
            }
        },
    )
}

fn challenged(settings: &Settings, challenge: String) -> Reply {
    let mut reply = match settings.form {
        Form::Printer => text(401, "401: Unauthorized\n\n\n".to_owned()),
        Form::Pi => text(401, "<!DOCTYPE html>\n<html>\n<h1>401 - Unauthorized</h1>\n</html>".to_owned()),
    };
    if let Ok(value) = HeaderValue::from_str(&challenge) {
        reply.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    reply
}

fn is_fresh(settings: &Settings, now: Timestamp, nonce: &str) -> bool {
    let given = nonce.strip_prefix(&format!("{BOOT:08x}")).and_then(|second| i64::from_str_radix(second, 16).ok());
    let lives = match settings.form {
        Form::Printer => NONCE_OF_A_PRINTER_S,
        Form::Pi => NONCE_OF_A_PI_S,
    };
    given.is_some_and(|given| (0..lives).contains(&(now.millis() / 1000 % 0x1_0000_0000 - given)))
}

/// What a client shows.
struct Shown(Vec<(String, String)>);

impl Shown {
    fn read(header: &str) -> Option<Self> {
        let parameters = header.strip_prefix("Digest ")?.split(", ");
        let pair = |parameter: &str| {
            let (name, value) = parameter.split_once('=')?;
            Some((name.to_owned(), value.trim_matches('"').to_owned()))
        };
        Some(Self(parameters.filter_map(pair).collect()))
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn is_right(&self, settings: &Settings, method: &Method, target: &str) -> bool {
        let (realm, password) = match settings.form {
            Form::Printer => ("Printer API", &settings.api_key),
            Form::Pi => ("Administrator", &settings.password),
        };
        let md5 = |text: String| format!("{:x}", md5::compute(text));
        let nonce = self.get("nonce");
        let who = md5(format!("maker:{realm}:{password}"));
        let what = md5(format!("{method}:{target}"));
        let named = self.get("username") == "maker" && self.get("realm") == realm && self.get("uri") == target;
        named
            && match settings.form {
                // It knows no algorithm and takes one for a fault.
                Form::Printer => self.get("algorithm").is_empty() && self.get("response") == md5(format!("{who}:{nonce}:{what}")),
                Form::Pi => {
                    let (count, client) = (self.get("nc"), self.get("cnonce"));
                    let who = md5(format!("{who}:{nonce}:{client}"));
                    let known =
                        self.get("algorithm") == "MD5-sess" && self.get("opaque") == "0p4que" && self.get("qop") == "auth";
                    known && self.get("response") == md5(format!("{who}:{nonce}:{count}:{client}:auth:{what}"))
                }
            }
    }
}
