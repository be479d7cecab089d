//! When the relay was heard last, as far as a clock can be trusted that may be unset, ahead or behind.

use api::clock::is_set;
use domain::time::Timestamp;

/// While the line stands it is written this often.
const EACH_MS: i64 = 3_600_000;

/// What is to be kept of it, if anything changed. A time that cannot have been counts from now on: one of before the clock was set, or one
/// that lies ahead because the clock was.
pub fn to_note(heard: Option<Timestamp>, now: Timestamp, connected: bool) -> Option<Timestamp> {
    if !is_set(now) {
        return None;
    }
    let since = heard.filter(|heard| is_set(*heard)).map(|heard| now.millis_since(heard));
    match since {
        Some(since) if since >= 0 && (!connected || since < EACH_MS) => None,
        Some(_) | None => Some(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_900_000_000_000);

    #[test]
    fn it_is_written_once_an_hour_while_the_line_stands_and_never_by_a_clock_that_is_not_set() {
        let ago = |seconds: i64| Some(NOW.plus_seconds(-seconds));
        assert_eq!(to_note(ago(3599), NOW, true), None);
        assert_eq!(to_note(ago(3600), NOW, true), Some(NOW));
        assert_eq!(to_note(ago(40 * 24 * 3600), NOW, false), None, "not heard, so it grows old");
        assert_eq!(to_note(ago(3600), Timestamp::from_millis(5), true), None);
    }

    #[test]
    fn a_time_that_cannot_have_been_counts_from_now_on() {
        for heard in [None, Some(Timestamp::from_millis(5)), Some(NOW.plus_seconds(86_400))] {
            assert_eq!(to_note(heard, NOW, false), Some(NOW), "{heard:?}");
        }
    }
}
