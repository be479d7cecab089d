//! What an API key looks like: `gty_live_`, 30 base62 characters, and 6 of their CRC32, so that a typo
//! is refused without asking a database and a scanner can find a leaked key.

use store::Tx;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How a key for real farms begins.
pub const LIVE: &str = "gty_live_";
/// How a key for simulated farms begins.
pub const TEST: &str = "gty_test_";

/// Makes a key: `live` or `test`.
pub fn api_key(tx: &mut Tx<'_>, test: bool) -> String {
    let prefix = if test { TEST } else { LIVE };
    let body = random_text(tx, 30);
    let sum = checksum(&body);
    format!("{prefix}{body}{sum}")
}

/// The first characters of a key, by which people recognise it.
pub fn hint(key: &str) -> String {
    key.chars().take(13).collect()
}

/// Makes a slicer key: short enough for every slicer's field.
pub fn slicer_key(tx: &mut Tx<'_>) -> String {
    random_text(tx, 40)
}

/// The first characters of a slicer key.
pub fn slicer_hint(key: &str) -> String {
    key.chars().take(4).collect()
}

/// Whether a text can be a key at all.
pub fn is_api_key(text: &str) -> bool {
    let rest = text.strip_prefix(LIVE).or_else(|| text.strip_prefix(TEST));
    rest.and_then(|rest| rest.split_at_checked(30))
        .is_some_and(|(body, sum)| body.bytes().all(|b| LETTERS.contains(&b)) && checksum(body) == sum)
}

/// Random base62 text. Bytes beyond the largest multiple of 62 are thrown away, so that no letter is
/// likelier than another.
pub fn random_text(tx: &mut Tx<'_>, length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let [byte] = tx.random::<1>();
        if byte < 248 {
            text.push(char::from(LETTERS[usize::from(byte % 62)]));
        }
    }
    text
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut sum = [b'0'; 6];
    for place in sum.iter_mut().rev() {
        *place = LETTERS[(rest % 62) as usize];
        rest /= 62;
    }
    sum.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("GANTRY_FULL").is_some() { 400_000 } else { 4_000 }))]

        #[test]
        fn any_text_is_no_key_unless_it_was_made_as_one(text in prop_oneof![any::<String>(), "gty_(live|test)_[0-9A-Za-z]{35,37}"]) {
            // By chance one of 62^6 has the right sum.
            prop_assert!(!is_api_key(&text), "{}", text);
        }

        #[test]
        fn a_key_with_any_letter_changed_is_no_key(body in "[0-9A-Za-z]{30}", place in 0_usize..45, letter in any::<char>()) {
            let key = format!("gty_live_{body}{}", checksum(&body));
            prop_assert!(is_api_key(&key));
            let changed: String = key.chars().enumerate().map(|(at, old)| if at == place { letter } else { old }).collect();
            prop_assert_eq!(is_api_key(&changed), changed == key, "{}", changed);
        }
    }

    #[test]
    fn a_key_with_one_wrong_letter_is_no_key() {
        let body = "0123456789abcdefghijABCDEFGHIJ";
        let key = format!("gty_live_{body}{}", checksum(body));
        assert!(is_api_key(&key));
        assert_eq!(key.len(), 45);
        assert!(!is_api_key(&key.replace("abc", "abd")));
        assert!(!is_api_key(&key[..44]) && !is_api_key("gty_live_") && !is_api_key(""));
    }
}
