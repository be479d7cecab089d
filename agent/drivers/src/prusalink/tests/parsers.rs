//! Whatever a server says, nobody breaks over it; and whatever happens, a start goes out once.

use domain::attempt::Token;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::auth::Challenge;
use super::super::memory::Memory;
use super::super::wire::{Job, Place, Status, Stored, names, refusal, token_of};
use super::bench::*;
use crate::contract::{Input, Order};
use crate::web::{Answer, NoAnswer, Wire};

/// Values of the kinds that occur and of those that do not, under the names that are read.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("1e999")),
        Just(json!("NaN")),
        Just(json!("PRINTING")),
    ];
    let name = prop_oneof![
        Just("printer"),
        Just("state"),
        Just("job"),
        Just("id"),
        Just("progress"),
        Just("time_printing"),
        Just("file"),
        Just("display_name"),
        Just("name"),
        Just("storage_list"),
        Just("path"),
        Just("available"),
        Just("read_only"),
        Just("free_space"),
        Just("children"),
        Just("size"),
        Just("ro"),
        Just("message"),
        Just("status_printer"),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_parser_takes_whatever_json_comes(value in values()) {
        let _ = (Status::read(&value), Job::read(&value), Place::read(&value), Stored::read(&value), names(&value));
        let _ = Job::read(&value).and_then(|job| job.token());
        if let Some(share) = Status::read(&value).and_then(|status| status.job?.share) {
            prop_assert!((0.0..=1.0).contains(&share));
        }
    }

    #[test]
    fn every_parser_takes_whatever_text_comes(text in ".{0,200}") {
        let _ = (Challenge::read(&text), Challenge::read(&format!("Digest {text}")), token_of(&text));
        let memory = Memory::read(Token::new([1; 10]), &text);
        prop_assert_eq!(Memory::read(Token::new([1; 10]), &memory.mark()), memory);
        let answer = Answer { id: 1, status: 500, headers: Vec::new(), body: text.into() };
        prop_assert!(refusal(&answer).chars().count() <= 300);
    }

    #[test]
    fn a_challenge_is_read_back_as_it_was_written(realm in "[^\"\\\\]{0,20}", nonce in "[a-f0-9]{1,32}", stale in any::<bool>()) {
        let header = format!("Digest realm=\"{realm}\", nonce=\"{nonce}\",stale={stale}");
        prop_assert_eq!(Challenge::read(&header).map(|read| read.is_stale), Some(stale));
    }

    #[test]
    fn whatever_a_server_answers_a_start_goes_out_at_most_once(
        answers in prop::collection::vec((0..6_u8, values()), 1..60),
    ) {
        let mut bench = Bench::up();
        bench.order(Order::Watch(Some(watched(None))));
        bench.order(send());
        bench.order(start());
        bench.order(Order::Cancel { command: Some(command()), token: token() });
        for (kind, value) in answers {
            let Some(call) = bench.open.pop() else {
                bench.pass(2_000);
                continue;
            };
            let id = call.id;
            let answer = |status, body: String| Wire::Answer(Answer { id, status, headers: Vec::new(), body: body.into() });
            let wire = match kind {
                0 => Wire::NoAnswer { id, why: NoAnswer::Silent },
                1 => Wire::NoAnswer { id, why: NoAnswer::Unreachable("refused".to_owned()) },
                2 => answer(409, value.to_string()),
                3 => answer(204, String::new()),
                4 => answer(500, String::new()),
                _ => answer(200, value.to_string()),
            };
            bench.give(Input::Wire(wire));
            prop_assert!(bench.open.len() <= 2, "one that asks, and an upload");
        }
        let starts = bench.asks.iter().filter(|ask| **ask == format!("POST {FILE}")).count();
        prop_assert!(starts <= 1);
    }
}
