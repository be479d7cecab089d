//! Durations as slicers write them: `1d 2h 3m 4s`, `0 hours 34 minutes`, `40m:36s`, `6666`.

use crate::value;

/// Seconds, or `None` if there is no duration in it.
pub(crate) fn seconds(value: &[u8]) -> Option<u64> {
    let mut rest = value;
    let (mut total, mut found) = (0.0, false);
    while let Some(begin) = rest.iter().position(u8::is_ascii_digit) {
        let (number, length) = value::number(&rest[begin..])?;
        rest = rest[begin + length..].trim_ascii_start();
        total += number * unit_seconds(rest.first().copied())?;
        found = true;
    }
    found.then_some(total.round() as u64)
}

fn unit_seconds(letter: Option<u8>) -> Option<f64> {
    match letter {
        Some(b'd') => Some(86_400.0),
        Some(b'h') => Some(3600.0),
        Some(b'm') => Some(60.0),
        Some(b's') | None => Some(1.0),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slicer_s_way_to_write_a_duration_is_read() {
        let check = |text: &str, expected| assert_eq!(seconds(text.as_bytes()), expected, "{text}");
        check("1d 2h 3m 4s", Some(93_784));
        check("11m 33s", Some(693));
        check("0 hours 34 minutes", Some(2040));
        check("1 hour 2 min 3 sec", Some(3723));
        check("1h:20m:36s", Some(4836));
        check("6666", Some(6666));
        check("3720.97", Some(3721));
        check("", None);
        check("unknown", None);
        check("5 parsecs", None);
    }
}
