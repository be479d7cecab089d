//! What is decided about deliveries: which event is sent to whom, when it is tried again, and when a webhook
//! is given up. Values only: time and jitter are handed in.

use contract::event::Event;
use domain::time::Timestamp;
use domain::webhook::{Delivery, DeliveryState, DisabledReason, SkipReason, Try, Webhook, WebhookState};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Milliseconds before each try: 75.6 hours in all.
const DELAYS: [i64; 10] =
    [0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// A receiver cannot put a try off further than that.
const LONGEST_WAIT: i64 = 24 * HOUR;

/// After so long with nothing but failures a webhook is switched off.
const GIVEN_UP_AFTER: i64 = 5 * 24 * HOUR;

/// Deliveries that may wait for one webhook: what it does not take must not fill the relay's disk.
const MOST_WAITING: usize = 10_000;

/// Tries that a delivery remembers.
const TRIES_KEPT: usize = 20;

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// As the delivery remembers it.
    pub told: Try,
    /// The receiver's wish for the next one.
    pub retry_after_ms: Option<i64>,
}

/// Whether an event becomes a delivery of a webhook that may see it; and if one that is not sent, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Not meant for it.
    No,
    /// It is sent.
    Send,
    /// It is noted and not sent.
    Skip(SkipReason),
}

/// Whether a webhook wants an event, by what it is of: of test farms only if it asked for them. At a relay where nothing is real nobody
/// needs to ask.
pub const fn wants(webhook: &Webhook, event: &Event, live_relay: bool) -> bool {
    event.live || webhook.test_events || !live_relay
}

/// Judges an event for a webhook that so many deliveries wait for.
pub fn admit(webhook: &Webhook, event: &Event, waiting: usize) -> Admission {
    let wanted = webhook.event_types.is_empty() || webhook.event_types.contains(&event.event_type.to_string());
    if !wanted || event.received_at < webhook.created_at {
        return Admission::No;
    }
    let age = event.received_at.millis_since(event.occurred_at);
    // A farm whose clock was never set does not know when it happened.
    let late = event.clock_ok && webhook.max_age_seconds.is_some_and(|most| age > i64::from(most) * SECOND);
    match webhook.state {
        WebhookState::Active if late => Admission::Skip(SkipReason::Late),
        WebhookState::Active if waiting >= MOST_WAITING => Admission::Skip(SkipReason::Backlog),
        WebhookState::Active => Admission::Send,
        WebhookState::Paused => Admission::Skip(SkipReason::Paused),
        WebhookState::Disabled { .. } => Admission::Skip(SkipReason::Disabled),
    }
}

/// The wait before the next try after so many, a fifth shorter to a fifth longer; none if there is no next.
fn wait(tried: u32, jitter: u32) -> Option<i64> {
    let whole = DELAYS.get(usize::try_from(tried).ok()?)?;
    let millionths = 800_000 + 400_000 * i64::from(jitter) / i64::from(u32::MAX);
    Some(whole * millionths / 1_000_000)
}

/// The delivery after a try that ended now.
pub fn after(delivery: Delivery, ended: &Ended, now: Timestamp, jitter: u32) -> Delivery {
    let mut next = delivery;
    next.tried += 1;
    next.tries.push(ended.told.clone());
    let surplus = next.tries.len().saturating_sub(TRIES_KEPT);
    next.tries.drain(..surplus);
    let asked = ended.retry_after_ms.unwrap_or(0).min(LONGEST_WAIT);
    (next.state, next.next_try_at) = match wait(next.tried, jitter) {
        _ if arrived(ended) => (DeliveryState::Delivered, None),
        Some(wait) => (DeliveryState::Failed, Some(now.plus_millis(wait.max(asked)))),
        None => (DeliveryState::Exhausted, None),
    };
    next
}

fn arrived(ended: &Ended) -> bool {
    ended.told.status.is_some_and(|status| (200..300).contains(&status))
}

/// The webhook after a try, and whether it is given up by it.
pub fn health(webhook: Webhook, ended: &Ended, now: Timestamp) -> (Webhook, Option<DisabledReason>) {
    let mut next = webhook;
    if arrived(ended) {
        (next.last_success_at, next.failing_since) = (Some(now), None);
        return (next, None);
    }
    let since = *next.failing_since.get_or_insert(ended.told.at);
    next.last_failure_at = Some(now);
    let reason = match next.state {
        WebhookState::Active if ended.told.status == Some(410) => Some(DisabledReason::Gone),
        WebhookState::Active if now.millis_since(since) >= GIVEN_UP_AFTER => Some(DisabledReason::Failing),
        WebhookState::Active | WebhookState::Paused | WebhookState::Disabled { .. } => None,
    };
    if let Some(reason) = reason {
        next.state = WebhookState::Disabled { reason };
    }
    (next, reason)
}

#[cfg(test)]
mod tests {
    use domain::id::{DeliveryId, EventId, Id, WebhookId};
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const MIDDLE: u32 = u32::MAX / 2;

    fn delivery() -> Delivery {
        let id = DeliveryId::new(NOW, [1; 10]);
        Delivery::due(
            id,
            WebhookId::new(NOW, [2; 10]),
            EventId::new(NOW, [3; 10]),
            "job.started".to_owned(),
            "job_1".to_owned(),
            NOW,
        )
    }

    fn webhook(more: &Value) -> Webhook {
        let mut document = json!({
            "id": WebhookId::new(NOW, [2; 10]), "name": "W", "url": "https://a/", "state": "active", "created_at": NOW,
            "grants": domain::access::Grants::owner(), "sponsor": {"kind": "floor", "id": "owner"},
        });
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(document).unwrap()
    }

    fn event(event_type: &str, occurred_at: Timestamp, clock_ok: bool) -> Event {
        let store = domain::id::StoreId::new(NOW, [4; 10]);
        let event = json!({
            "id": EventId::new(NOW, [3; 10]), "type": event_type, "store_id": store, "number": 1, "received_at": NOW,
            "subject": {"kind": "job", "id": "job_1", "revision": 1}, "actor": {"kind": "floor", "id": "owner"},
            "occurred_at": occurred_at, "clock_ok": clock_ok, "live": true, "api_version": "", "data": {},
        });
        serde_json::from_value(event).unwrap()
    }

    fn ended(status: Option<u16>, retry_after_ms: Option<i64>) -> Ended {
        Ended { told: Try { at: NOW, status, duration_ms: 1, error: None, answer: String::new() }, retry_after_ms }
    }

    #[test]
    fn the_ten_tries_come_as_the_standard_says_and_then_it_is_exhausted() {
        let (mut delivery, mut waits) = (delivery(), Vec::new());
        for _ in 0..10 {
            delivery = after(delivery, &ended(Some(500), None), NOW, MIDDLE);
            waits.extend(delivery.next_try_at.map(|at| (at.millis_since(NOW) + 500) / SECOND));
        }
        assert_eq!(waits, [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!((delivery.state, delivery.tries.len()), (DeliveryState::Exhausted, 10));
    }

    #[test]
    fn jitter_moves_a_try_by_a_fifth_at_the_most() {
        assert_eq!((wait(1, 0), wait(1, u32::MAX)), (Some(4000), Some(6000)));
        assert_eq!((wait(0, u32::MAX), wait(10, 0)), (Some(0), None));
    }

    #[test]
    fn only_an_answer_of_the_two_hundreds_is_an_arrival() {
        for (status, arrived) in [
            (Some(200), true),
            (Some(299), true),
            (Some(199), false),
            (Some(301), false),
            (Some(404), false),
            (Some(500), false),
            (None, false),
        ] {
            let state = after(delivery(), &ended(status, None), NOW, MIDDLE).state;
            assert_eq!(state == DeliveryState::Delivered, arrived, "{status:?}");
        }
    }

    #[test]
    fn retry_after_is_obeyed_for_up_to_a_day_and_never_hurries_a_try() {
        let next =
            |millis| after(delivery(), &ended(Some(503), Some(millis)), NOW, MIDDLE).next_try_at.unwrap().millis_since(NOW);
        assert_eq!(next(HOUR), HOUR);
        assert_eq!(next(1), wait(1, MIDDLE).unwrap());
        assert_eq!(next(400 * HOUR), LONGEST_WAIT);
    }

    #[test]
    fn gone_switches_a_webhook_off_at_once_and_five_days_of_failures_do() {
        let (off, reason) = health(webhook(&json!({})), &ended(Some(410), None), NOW);
        assert_eq!((off.state.word(), reason), ("disabled", Some(DisabledReason::Gone)));
        let (failing, reason) = health(webhook(&json!({})), &ended(Some(500), None), NOW);
        assert_eq!((failing.failing_since, reason), (Some(NOW), None));
        let (failing, reason) = health(failing, &ended(None, None), NOW.plus_millis(GIVEN_UP_AFTER - 1));
        assert_eq!(reason, None);
        let (_, reason) = health(failing.clone(), &ended(None, None), NOW.plus_millis(GIVEN_UP_AFTER));
        assert_eq!(reason, Some(DisabledReason::Failing));
        let (well, _) = health(failing, &ended(Some(200), None), NOW);
        assert_eq!((well.failing_since, well.last_success_at), (None, Some(NOW)));
    }

    #[test]
    fn a_webhook_that_was_paused_meanwhile_is_not_switched_off() {
        let (paused, reason) = health(webhook(&json!({"state": "paused"})), &ended(Some(410), None), NOW);
        assert_eq!((paused.state, reason), (WebhookState::Paused, None));
    }

    #[test]
    fn a_delivery_remembers_its_last_twenty_tries() {
        let mut delivery = delivery();
        for n in 0..30 {
            delivery = after(delivery, &ended(Some(500 + n), None), NOW, MIDDLE).again(NOW);
        }
        assert_eq!((delivery.tries.len(), delivery.tries[0].status), (20, Some(510)));
    }

    #[test]
    fn an_event_of_another_type_or_of_before_is_not_meant_for_it() {
        let filtered = webhook(&json!({"event_types": ["job.failed"]}));
        assert_eq!(admit(&filtered, &event("job.started", NOW, true), 0), Admission::No);
        assert_eq!(admit(&filtered, &event("job.failed", NOW, true), 0), Admission::Send);
        let younger = webhook(&json!({"created_at": NOW.plus_millis(1)}));
        assert_eq!(admit(&younger, &event("job.failed", NOW, true), 0), Admission::No);
    }

    #[test]
    fn of_test_farms_only_who_asked_is_told_unless_the_relay_itself_is_one_for_tests() {
        let (real, test) = (event("job.failed", NOW, true), Event { live: false, ..event("job.failed", NOW, true) });
        let (plain, asked) = (webhook(&json!({})), webhook(&json!({"test_events": true})));
        assert!(wants(&plain, &real, true) && wants(&asked, &real, true) && wants(&asked, &test, true));
        assert!(!wants(&plain, &test, true) && wants(&plain, &test, false));
    }

    #[test]
    fn a_late_fact_is_skipped_unless_the_farm_did_not_know_the_time() {
        let strict = webhook(&json!({"max_age_seconds": 60}));
        let old = NOW.plus_seconds(-61);
        assert_eq!(admit(&strict, &event("job.failed", old, true), 0), Admission::Skip(SkipReason::Late));
        assert_eq!(admit(&strict, &event("job.failed", old, false), 0), Admission::Send);
        assert_eq!(admit(&strict, &event("job.failed", NOW.plus_seconds(-60), true), 0), Admission::Send);
    }

    #[test]
    fn what_happens_while_it_is_paused_or_off_is_noted() {
        let event = event("job.failed", NOW, true);
        assert_eq!(admit(&webhook(&json!({"state": "paused"})), &event, 0), Admission::Skip(SkipReason::Paused));
        let off = webhook(&json!({"state": "disabled", "reason": "gone"}));
        assert_eq!(admit(&off, &event, 0), Admission::Skip(SkipReason::Disabled));
    }

    #[test]
    fn what_would_make_too_many_wait_is_noted_and_can_be_recovered() {
        let event = event("job.failed", NOW, true);
        assert_eq!(admit(&webhook(&json!({})), &event, MOST_WAITING - 1), Admission::Send);
        assert_eq!(admit(&webhook(&json!({})), &event, MOST_WAITING), Admission::Skip(SkipReason::Backlog));
        assert!(delivery().skipped(SkipReason::Backlog).is_recoverable());
    }
}
