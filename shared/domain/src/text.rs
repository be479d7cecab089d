//! Short texts that people type: names, tags, metadata, ids of other systems. Each has one door that
//! checks it; inside nobody checks again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text that is not allowed where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct BadText {
    what: &'static str,
    rule: &'static str,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $max:literal, $rule:literal, $ok:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadText;
            fn try_from(text: String) -> Result<Self, BadText> {
                let text = text.trim();
                let allowed: fn(&str) -> bool = $ok;
                let length = text.chars().count();
                if length == 0 || length > $max || !allowed(text) {
                    return Err(BadText { what: $what, rule: $rule });
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadText;
            fn from_str(text: &str) -> Result<Self, BadText> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "minLength": 1, "maxLength": $max, "description": concat!("Must be ", $rule),
                })
            }
        }
    )*};
}

texts! {
    /// What people call a printer, a job, a key.
    Name, "a name", 120, "1 to 120 visible characters", |text| text.chars().all(|c| !c.is_control());
    /// A free label on a printer, such as `rack-a`.
    Tag, "a tag", 40, "1 to 40 characters of a-z, 0-9, - _ . :", |text| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.:".contains(c));
    /// What a machine's maker numbered it with: it stays when the address changes.
    Serial, "a serial number", 64, "1 to 64 visible ASCII characters without a space", |text| text.bytes().all(|byte| byte.is_ascii_graphic());
    /// The id that another system gave to the thing.
    ExternalId, "an external id", 200, "1 to 200 visible characters", |text| text.chars().all(|c| !c.is_control());
    /// The code that a SKU is ordered by.
    Code, "a code", 80, "1 to 80 visible characters", |text| text.chars().all(|c| !c.is_control());
    /// An e-mail address or a telephone, as it was given.
    Contact, "a contact", 254, "1 to 254 visible characters", |text| text.chars().all(|c| !c.is_control());
    /// An e-mail address that somebody signs in with.
    Email, "an e-mail address", 254, "an e-mail address of at most 254 characters", |text| {
        !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == ',')
            && text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
    };
    /// A sentence that a person wrote: a reason, a note.
    Note, "a note", 1000, "1 to 1000 characters", |text| text.chars().all(|c| !c.is_control() || c == '\n');
}

impl Email {
    /// The address as it is looked for: without regard to case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

macro_rules! shaped {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $pattern:literal, $rule:literal, $ok:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = BadText;
            fn try_from(text: String) -> Result<Self, BadText> {
                let ok: fn(&[u8]) -> bool = $ok;
                if ok(text.as_bytes()) { Ok(Self(text)) } else { Err(BadText { what: $what, rule: $rule }) }
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": $pattern, "description": concat!("Must be ", $rule)})
            }
        }
    )*};
}

shaped! {
    /// A colour.
    Hex, "a colour", "^#[0-9a-fA-F]{6}$", "of the form #RRGGBB", |text| {
        text.split_first().is_some_and(|(hash, digits)| *hash == b'#' && digits.len() == 6 && digits.iter().all(u8::is_ascii_hexdigit))
    };
    /// The SHA-256 of a certificate.
    Fingerprint, "a certificate's SHA-256", "^[0-9a-f]{64}$", "64 hex digits in lower case", |text| {
        text.len() == 64 && text.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    /// A currency by its ISO 4217 code.
    Currency, "a currency", "^[A-Z]{3}$", "three capital letters, such as EUR", |text| text.len() == 3 && text.iter().all(u8::is_ascii_uppercase);
}

/// Up to 16 pairs that an integrator hangs on a thing; filterable, copied into events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
#[schemars(with = "BTreeMap<String, String>")]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// The pairs in the order of their names.
    pub fn pairs(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = BadText;
    fn try_from(pairs: BTreeMap<String, String>) -> Result<Self, BadText> {
        let name_ok = |name: &str| {
            (1..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        let fits = pairs.len() <= 16 && pairs.iter().all(|(name, value)| name_ok(name) && value.chars().count() <= 500);
        if fits {
            Ok(Self(pairs))
        } else {
            Err(BadText {
                what: "metadata",
                rule: "at most 16 pairs; names of 1 to 40 letters, digits, - and _; values of at most 500 characters",
            })
        }
    }
}

impl From<Metadata> for BTreeMap<String, String> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_with_capitals_or_spaces_is_refused() {
        assert!("rack-a".parse::<Tag>().is_ok());
        for bad in ["", "Rack", "rack a", &"x".repeat(41)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_serial_number_is_one_word() {
        assert_eq!(" 01S00A000000001 ".parse::<Serial>().unwrap().as_str(), "01S00A000000001");
        for bad in ["", "01S 00A", "№1", &"x".repeat(65)] {
            assert!(bad.parse::<Serial>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_certificates_digest_is_written_in_one_way() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(Fingerprint::try_from(digest.clone()).unwrap().to_string(), digest);
        for bad in [digest.to_uppercase(), digest[1..].to_owned(), format!("{digest}0")] {
            assert!(Fingerprint::try_from(bad).is_err());
        }
    }

    #[test]
    fn a_colour_and_a_currency_have_one_form() {
        assert!(Hex::try_from("#00aaFF".to_owned()).is_ok() && Currency::try_from("EUR".to_owned()).is_ok());
        for bad in ["", "00aaFF", "#00aaF", "#00aaFG", "#00aaFF0", "red"] {
            assert!(Hex::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        for bad in ["", "eur", "EU", "EURO", "€"] {
            assert!(Currency::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_trimmed_and_may_be_in_any_script() {
        assert_eq!(" Drucker 1 – 打印机 ".parse::<Name>().unwrap().as_str(), "Drucker 1 – 打印机");
        assert!("a\u{7}b".parse::<Name>().is_err());
    }
}
