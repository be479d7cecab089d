//! Numbers and lists as slicers and G-code write them. G-code knows no exponent: in `X1E2` the E is an axis.

/// No printer has more tools, and no list in a file is read further.
pub(crate) const TOOLS: usize = 64;

const TEXT_LENGTH: usize = 120;
/// So many digits fit into 64 bits; a place that needs more is nowhere.
const DIGITS: usize = 18;
const POWERS: [f64; DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18];

/// The number at the beginning of `bytes` and how long it is. Always finite.
#[inline]
pub(crate) fn number(bytes: &[u8]) -> Option<(f64, usize)> {
    let (negative, signed) = match bytes.first()? {
        b'-' => (true, 1),
        b'+' => (false, 1),
        _ => (false, 0),
    };
    let (mut mantissa, mut digits) = (0_u64, 0);
    let whole = add_digits(&bytes[signed..], &mut mantissa, &mut digits);
    let (mut end, mut fraction, mut after_point) = (signed + whole, 0, 0);
    if bytes.get(end) == Some(&b'.') {
        let whole_digits = digits;
        fraction = add_digits(&bytes[end + 1..], &mut mantissa, &mut digits);
        after_point = digits - whole_digits;
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    let value = mantissa as f64 / POWERS[after_point];
    Some((if negative { -value } else { value }, end))
}

/// Adds the digits that still fit, and tells how many stand there.
#[inline]
fn add_digits(bytes: &[u8], mantissa: &mut u64, digits: &mut usize) -> usize {
    let mut seen = 0;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        if *digits < DIGITS {
            *mantissa = *mantissa * 10 + u64::from(digit);
            *digits += 1;
        }
        seen += 1;
    }
    seen
}

/// The number at the beginning of a value, whatever unit follows.
pub(crate) fn leading(value: &[u8]) -> Option<f64> {
    number(value.trim_ascii_start()).map(|(number, _)| number)
}

/// A list of numbers, `0.4,0.4` or `[1.2|3]`; what is not a number is `None` in its place.
pub(crate) fn numbers(value: &[u8]) -> Vec<Option<f64>> {
    value.strip_prefix(b"[").unwrap_or(value).split(|byte| matches!(byte, b',' | b';' | b'|')).take(TOOLS).map(leading).collect()
}

/// A list of texts, `PLA;PETG` or `"A; B";"C"`; an empty one is `None` in its place.
pub(crate) fn texts(value: &[u8]) -> Vec<Option<String>> {
    let mut quoted = false;
    value
        .split(|byte| {
            quoted ^= *byte == b'"';
            *byte == b';' && !quoted
        })
        .take(TOOLS)
        .map(text)
        .collect()
}

/// One text, without quotes and control characters, of a length that can be shown.
pub(crate) fn text(value: &[u8]) -> Option<String> {
    let text: String =
        String::from_utf8_lossy(value).chars().filter(|c| !c.is_control() && *c != '"').take(TEXT_LENGTH).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `#rrggbb` or `#rrggbbaa` as `#RRGGBB`.
pub(crate) fn colour(text: &str) -> Option<String> {
    let hex = text.strip_prefix('#')?;
    let fits = matches!(hex.len(), 6 | 8) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| format!("#{}", hex[..6].to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_ends_where_an_exponent_would_begin() {
        let check = |text: &str, value, length| assert_eq!(number(text.as_bytes()), Some((value, length)), "{text}");
        check("1E2", 1.0, 1);
        check(".2 F7800", 0.2, 2);
        check("-.5", -0.5, 3);
        check("110.181Y2", 110.181, 7);
        check("+3.", 3.0, 3);
        check("0.12500000000000000000000", 0.125, 25);
        check("12.5mm", 12.5, 4);
        for none in ["", "-", ".", "X", "nan", "inf"] {
            assert_eq!(number(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn a_number_of_any_length_is_finite() {
        let long = [b"9".repeat(5000), b".".to_vec(), b"9".repeat(5000)].concat();
        assert!(number(&long).unwrap().0.is_finite());
    }

    #[test]
    fn a_separator_in_quotes_does_not_separate() {
        let check = |text: &str, list: &[&str]| {
            let read: Vec<_> = texts(text.as_bytes()).into_iter().map(Option::unwrap_or_default).collect();
            assert_eq!(read, list, "{text}");
        };
        check("PLA;PETG", &["PLA", "PETG"]);
        check(r#""Generic; PLA";"B""#, &["Generic; PLA", "B"]);
        check(r#""";"x""#, &["", "x"]);
    }

    #[test]
    fn a_colour_loses_its_transparency_and_nothing_else_is_a_colour() {
        assert_eq!(colour("#ff8000ff").as_deref(), Some("#FF8000"));
        for bad in ["FF8000", "#FF80", "#GG8000", "\"><script>", "#ffÄÄ"] {
            assert_eq!(colour(bad), None, "{bad}");
        }
    }
}
