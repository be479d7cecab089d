//! The fields of the reports are those of real ones, and of the same kind (`fixtures/bambu-report-fields.json`).

use super::Bench;
use crate::bambu::settings::Model;
use serde_json::{Map, Value};

const FIELDS: &str = include_str!("../../../fixtures/bambu-report-fields.json");

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "flag",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

fn check(model: Model, sets: &[&str]) {
    let known: Value = serde_json::from_str(FIELDS).unwrap();
    let mut bench = Bench::of(model);
    bench.printing();
    let told = Value::Object(bench.told);
    let fields = sets.iter().flat_map(|set| known[*set].as_object().unwrap());
    let wrong: Vec<String> = fields
        .filter_map(|(path, expected)| match told.pointer(&format!("/{path}")) {
            None => Some(format!("{path} is not told")),
            Some(value) if kind(value) == expected => None,
            Some(value) => Some(format!("{path} is {value}, not a {expected}")),
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_p1_tells_the_fields_of_a_real_one() {
    check(Model::P1s, &["p1"]);
    check(Model::A1Mini, &["p1"]);
}

#[test]
fn an_x1_tells_the_fields_of_a_real_one() {
    check(Model::X1c, &["p1", "x1_besides"]);
}

#[test]
fn an_x1_tells_everything_each_time_and_the_others_what_has_changed() {
    let sizes = |model| {
        let mut bench = Bench::of(model);
        bench.printing();
        bench.messages.clear();
        bench.pass(3000);
        let reports = bench.messages.iter().map(|message| message["print"].as_object().unwrap());
        reports.map(|report| (report["msg"].as_u64().unwrap(), report.len())).collect::<Vec<_>>()
    };
    let (whole, changed) = (sizes(Model::X1c), sizes(Model::P1s));
    assert!(whole.len() >= 3 && whole.iter().all(|(msg, fields)| *msg == 0 && *fields > 60), "{whole:?}");
    assert!(changed.len() >= 3 && changed.iter().all(|(msg, fields)| *msg == 1 && *fields < 12), "{changed:?}");
}

#[test]
fn merged_deltas_are_the_whole_picture() {
    let mut bench = Bench::of(Model::A1);
    bench.printing();
    bench.pass(20_000);
    let mut merged: Map<String, Value> = bench.told.clone();
    bench.ask(serde_json::json!({ "pushing": { "sequence_id": "0", "command": "pushall" } }));
    for fields in [&mut merged, &mut bench.told] {
        for counter in ["msg", "sequence_id", "nozzle_temper", "bed_temper"] {
            fields.remove(counter);
        }
    }
    assert_eq!(merged, bench.told);
}
