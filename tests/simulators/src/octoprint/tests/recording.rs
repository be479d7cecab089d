//! The story that a real OctoPrint 1.11.8 was told (`record_octoprint.py`), told again to the core:
//! status, location, body and push events must be the same, step by step.

use super::Bench;
use crate::octoprint::door::{Input, Person};
use crate::octoprint::settings::Settings;
use serde_json::{Value, json};

const STORY: &str = include_str!("../../../fixtures/octoprint-1.11.8.jsonl");

const NUMBERS: [&str; 21] = [
    "date",
    "time",
    "printTime",
    "lastPrintTime",
    "averagePrintTime",
    "filepos",
    "fileposition",
    "progress",
    "_default",
    "completion",
    "printTimeLeft",
    "x",
    "y",
    "z",
    "e",
    "t",
    "f",
    "actual",
    "target",
    "free",
    "total",
];
const ANYTHING: [&str; 5] = ["estimatedPrintTime", "filament", "printTimeLeftOrigin", "logs", "position"];

#[test]
fn the_recorded_story_is_told_alike() {
    let mut bench = Bench::new(Settings::default());
    let mut differences = Vec::new();
    for line in STORY.lines() {
        let step: Value = serde_json::from_str(line).unwrap();
        let told = tell(&mut bench, &step);
        let (told, step) = (in_any_order(told), in_any_order(step));
        for (what, real) in ["status", "location", "answer", "events"].map(|what| (what, &step[what])) {
            if told[what] != *real {
                let short = step["path"].as_str().or(step["name"].as_str()).unwrap_or_default();
                let (ours, command) = (&told[what], &step["json"]);
                differences.push(format!("{} {short} {command} {what}\n  real {real}\n  ours {ours}", step["do"]));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// After a cancel a real server tells the failure and the new state in an order that differs from
/// time to time, and now and then the cancellation carries the failure's reason.
fn in_any_order(mut step: Value) -> Value {
    if let Some(events) = step["events"].as_array_mut()
        && events.iter().any(|event| event["type"] == "PrintCancelling")
    {
        for event in events.iter_mut().filter(|event| event["type"] == "PrintCancelled") {
            event["payload"].as_object_mut().map(|payload| payload.remove("reason"));
        }
        events.sort_by_key(Value::to_string);
    }
    step
}

fn tell(bench: &mut Bench, step: &Value) -> Value {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let mut told = json!({});
    match text("do") {
        "wait" => bench.until(text("state")),
        "firmware_error" => {
            let error = format!("{} - ok", text("error"));
            bench.give(Input::Person(Person::FirmwareError { error }));
        }
        kind => {
            let answer = if kind == "upload" {
                bench.upload(text("name"), text("content"), step["form"].clone())
            } else {
                bench.call(text("method"), text("path"), step["json"].clone())
            };
            told["status"] = json!(answer.status);
            told["location"] = json!(answer.location);
            told["answer"] = mask(answer.body);
        }
    }
    bench.pass(400);
    told["events"] = mask(Value::Array(bench.events()));
    told
}

fn mask(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(mask).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(key, _)| key != "gcodeAnalysis")
            .map(|(key, inner)| {
                let key_text = key.as_str();
                let inner = if ANYTHING.contains(&key_text) {
                    json!("*")
                } else if NUMBERS.contains(&key_text) && inner.is_number() {
                    if inner.as_f64() == Some(100.0) { json!(100) } else { json!("#") }
                } else {
                    mask(inner)
                };
                (key, inner)
            })
            .collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}
