//! The session told in packets: what a client says, and what it gets.

use domain::id::{Id, StoreId};
use domain::permission::Permission;
use domain::time::Timestamp;

use super::*;

const HELLO_V5: &[u8] = b"\x10\x17\x00\x04MQTT\x05\xc2\x00\x0a\x00\x00\x01c\x00\x04user\x00\x01p";
const HELLO_V3: &[u8] = b"\x10\x16\x00\x04MQTT\x04\xc2\x00\x0a\x00\x01c\x00\x04user\x00\x01p";

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn topics() -> Topics {
    Topics(StoreId::new(Timestamp::from_millis(0), [1; 10]))
}

fn fixed(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let length = body.len();
    if length > 127 {
        packet.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        packet.push(u8::try_from(length >> 7).unwrap());
    } else {
        packet.push(u8::try_from(length).unwrap());
    }
    packet.extend(body);
    packet
}

fn subscribe(version: Version, filter: &str, options: u8) -> Vec<u8> {
    let mut body = vec![0, 7];
    if version == Version::V5 {
        body.extend([2, 0x0b, 42]);
    }
    body.extend(u16::try_from(filter.len()).unwrap().to_be_bytes());
    body.extend(filter.as_bytes());
    body.push(options);
    fixed(0x82, &body)
}

fn open(hello: &[u8], grants: Grants) -> Session {
    let mut session = Session::default();
    let asked = session.handle(seconds(0), Input::Bytes(hello));
    assert!(matches!(&asked[..], [Output::Judge(login)] if login.user == "user" && login.client == "c"), "{asked:?}");
    assert_eq!(session.handle(seconds(0), Input::Admitted(topics(), grants, "n".into())), []);
    assert_eq!(session.take(1 << 15)[0], 0x20);
    session
}

fn event(size: usize) -> Message {
    Message { topic: format!("gantry/v1/{}/events/part.created", topics().0), payload: vec![b'x'; size], is_state: false }
}

#[test]
fn a_client_is_let_in_only_after_it_was_judged_and_is_refused_with_the_code_of_its_version() {
    for (hello, refused) in [(HELLO_V5, &[0x20, 3, 0, 0x86, 0][..]), (HELLO_V3, &[0x20, 2, 0, 4][..])] {
        let mut session = Session::default();
        session.handle(seconds(0), Input::Bytes(hello));
        assert!(session.take(100).is_empty(), "nothing is said before");
        assert_eq!(session.handle(seconds(0), Input::Refused(Reason::BadLogin)), [Output::Close]);
        assert_eq!(session.take(100), refused);
    }
}

#[test]
fn a_will_is_refused_at_the_hello() {
    let hello = b"\x10\x1e\x00\x04MQTT\x04\xc6\x00\x0a\x00\x01c\x00\x01t\x00\x03bye\x00\x04user\x00\x01p";
    let mut session = Session::default();
    assert_eq!(session.handle(seconds(0), Input::Bytes(hello)), [Output::Close]);
    assert_eq!(session.take(100), [0x20, 2, 0, 5]);
}

#[test]
fn qos_2_is_granted_as_1_and_the_identifier_comes_with_each_message() {
    let mut session = open(HELLO_V5, Grants::owner());
    let asked = session.handle(seconds(0), Input::Bytes(&subscribe(Version::V5, "#", 2)));
    assert!(matches!(&asked[..], [Output::Show(_)]));
    assert_eq!(session.take(100), [0x90, 4, 0, 7, 0, 1]);
    session.handle(seconds(0), Input::Live(event(1)));
    let packet = session.take(1000);
    assert_eq!((packet[0], &packet[packet.len() - 6..]), (0x32, &[0, 1, 2, 0x0b, 42, b'x'][..]));
}

#[test]
fn a_filter_that_can_never_meet_anything_is_refused_and_stays_silent() {
    let grants = Grants::unscoped([Permission::PartView].into_iter().collect());
    for (hello, version, refused) in [(HELLO_V5, Version::V5, 0x87), (HELLO_V3, Version::V3, 0x80)] {
        let mut session = open(hello, grants.clone());
        for filter in ["gantry/v1/store_x/#", "gantry/v1/+/jobs/#", "$SYS/#"] {
            assert_eq!(session.handle(seconds(0), Input::Bytes(&subscribe(version, filter, 0))), []);
            assert_eq!(session.take(100).last(), Some(&refused), "{filter}");
        }
        session.handle(seconds(0), Input::Live(event(1)));
        assert!(session.take(100).is_empty());
    }
}

#[test]
fn live_state_is_marked_retained_only_for_who_asked_for_it_as_published() {
    for (options, first) in [(0, 0x30), (8, 0x31)] {
        let mut session = open(HELLO_V5, Grants::owner());
        session.handle(seconds(0), Input::Bytes(&subscribe(Version::V5, "#", options)));
        session.take(1000);
        session.handle(seconds(0), Input::Live(Message { is_state: true, ..event(1) }));
        assert_eq!(session.take(1000)[0], first);
    }
}

#[test]
fn who_publishes_is_told_that_they_may_not_and_in_3_1_1_is_closed() {
    let mut session = open(HELLO_V5, Grants::owner());
    assert_eq!(session.handle(seconds(0), Input::Bytes(&fixed(0x32, b"\x00\x01t\x00\x05\x00hello"))), []);
    assert_eq!(session.take(100), [0x40, 3, 0, 5, 0x87]);
    let mut session = open(HELLO_V3, Grants::owner());
    assert_eq!(session.handle(seconds(0), Input::Bytes(&fixed(0x32, b"\x00\x01t\x00\x05hello"))), [Output::Close]);
    assert!(session.take(100).is_empty());
}

#[test]
fn silence_of_one_and_a_half_keep_alives_ends_it_and_a_ping_does_not() {
    let mut session = open(HELLO_V5, Grants::owner());
    assert_eq!(session.handle(seconds(14), Input::Bytes(&[0xc0, 0])), []);
    assert_eq!(session.take(100), [0xd0, 0]);
    assert_eq!(session.handle(seconds(29), Input::Tick), []);
    assert_eq!(session.handle(seconds(30), Input::Tick), [Output::Close]);
    assert_eq!(session.take(100)[2], 0x8d);
}

#[test]
fn who_says_no_hello_in_ten_seconds_is_closed() {
    let mut session = Session::default();
    assert_eq!(session.handle(seconds(10), Input::Tick), []);
    assert_eq!(session.handle(seconds(11), Input::Tick), [Output::Close]);
}

#[test]
fn a_revoked_key_is_told_0x98_and_nothing_more_of_what_waited() {
    let mut session = open(HELLO_V5, Grants::owner());
    session.handle(seconds(0), Input::Bytes(&subscribe(Version::V5, "#", 0)));
    session.take(1000);
    session.handle(seconds(0), Input::Live(event(1)));
    assert_eq!(session.handle(seconds(1), Input::End(Reason::Administrative)), [Output::Close]);
    let last = session.take(1000);
    assert_eq!((last[0], last[2]), (0xe0, 0x98));
    assert!(last.len() <= 4, "{last:?}");
}

#[test]
fn a_stalled_subscriber_holds_little_memory_loses_and_is_cut_off_with_0x97() {
    let mut session = open(HELLO_V5, Grants::owner());
    session.handle(seconds(0), Input::Bytes(&subscribe(Version::V5, "#", 0)));
    session.take(1000);
    let (mut told, mut most) = (0, 0);
    while session.handle(seconds(1), Input::Live(event(1024))) != [Output::Close] {
        told += 1;
        most = most.max(session.queued_bytes());
        assert!(told < 300_000);
    }
    assert!(told > 4_000 && most <= 4 * 1024 * 1024 && most > 3 * 1024 * 1024, "{told} {most}");
    assert_eq!(session.take(100)[2], 0x97);
}

#[test]
fn who_takes_nothing_for_a_minute_is_cut_off_and_who_takes_slowly_is_not() {
    for takes in [true, false] {
        let mut session = open(b"\x10\x16\x00\x04MQTT\x04\xc2\x00\x00\x00\x01c\x00\x04user\x00\x01p", Grants::owner());
        session.handle(seconds(0), Input::Bytes(&subscribe(Version::V3, "#", 0)));
        session.take(1000);
        session.handle(seconds(0), Input::Live(event(1)));
        if takes {
            session.handle(seconds(30), Input::Taken);
        }
        assert_eq!(session.handle(seconds(61), Input::Tick) == [Output::Close], !takes);
    }
}

#[test]
fn other_grants_make_the_present_be_shown_anew_and_drop_what_waited() {
    let mut session = open(HELLO_V5, Grants::owner());
    session.handle(seconds(0), Input::Bytes(&subscribe(Version::V5, "#", 0)));
    session.take(1000);
    session.handle(seconds(0), Input::Live(event(1)));
    let less = Grants::unscoped([Permission::PartView].into_iter().collect());
    assert_eq!(session.handle(seconds(1), Input::Granted(less)), [Output::ShowAll]);
    assert!(session.take(1000).is_empty());
}

#[test]
fn random_bytes_never_panic_and_end_the_session_or_wait() {
    // xorshift: no random but what is handed in.
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let seeds = [
        HELLO_V5.to_vec(),
        HELLO_V3.to_vec(),
        subscribe(Version::V5, "gantry/#", 1),
        fixed(0x32, b"\x00\x01t\x00\x00\x00hello"),
        fixed(0x32, b"\x00\x01t\x00\x05\x00hello"),
        fixed(0xa2, b"\x00\x01\x00\x00\x01t"),
        fixed(0x40, b"\x00\x01\x00\x00"),
        fixed(0xe0, b"\x00\x00"),
    ];
    for round in 0..60_000_u32 {
        let hello = if round % 2 == 0 { HELLO_V5 } else { HELLO_V3 };
        let mut session = if round % 3 == 0 { Session::default() } else { open(hello, Grants::owner()) };
        let mut bytes = seeds[usize::try_from(next() % 8).unwrap()].clone();
        for _ in 0..next() % 6 {
            let place = usize::try_from(next()).unwrap_or(0) % bytes.len();
            bytes[place] = next().to_le_bytes()[0];
        }
        if next() % 4 == 0 {
            bytes.extend(next().to_le_bytes());
        }
        session.handle(seconds(1), Input::Bytes(&bytes));
        assert!(session.take(1 << 20).len() < 1 << 16);
    }
}
