//! The story that a real PrusaLink 0.8.1 was told (`record_prusalink.py`), told again to the core: status and body
//! must be the same, step by step.

use super::Bench;
use serde_json::{Value, json};

const STORY: &str = include_str!("../../../fixtures/prusalink-0.8.1.jsonl");

const MASKED: [&str; 28] = [
    "free_space",
    "total_space",
    "m_timestamp",
    "time_remaining",
    "time_printing",
    "progress",
    "hostname",
    "port",
    "serial",
    "temp_nozzle",
    "temp_bed",
    "axis_x",
    "axis_y",
    "axis_z",
    "target_nozzle",
    "target_bed",
    "meta",
    "print_files",
    "system_files",
    "status_connect",
    "camera",
    "inaccurate_estimates",
    "fan_hotend",
    "fan_print",
    "flow",
    "speed",
    "size",
    "nozzle_diameter",
];

fn mask(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let masked = |(name, inner): (String, Value)| {
                let shown = if MASKED.contains(&name.as_str()) { json!("*") } else { mask(inner) };
                (name, shown)
            };
            Value::Object(fields.into_iter().map(masked).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(mask).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[test]
fn the_recorded_story_is_told_alike() {
    let mut bench = Bench::pi();
    let mut told = 0;
    for (number, line) in STORY.lines().enumerate() {
        let step: Value = serde_json::from_str(line).unwrap();
        if step["do"] == "wait" {
            bench.until(step["state"].as_str().unwrap());
            continue;
        }
        let body = step["body"].as_str().unwrap_or_default().to_owned();
        let size = body.len().to_string();
        let headers = step["headers"].as_object().unwrap();
        let named: Vec<(String, &str)> =
            headers.iter().map(|(name, value)| (name.replace('_', "-").to_lowercase(), value.as_str().unwrap())).collect();
        let mut headers: Vec<(&str, &str)> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        if step["body"].is_string() {
            headers.push(("content-length", &size));
        }
        let (method, path) = (step["method"].as_str().unwrap(), step["path"].as_str().unwrap());
        let request = bench.request(method, path, &body, &headers);
        let id = bench.ask(request);
        let answer = bench.answer(id).expect("no answer").expect("cut");
        let said = (json!(answer.status), mask(answer.body));
        assert_eq!(said, (step["status"].clone(), step["answer"].clone()), "line {}: {method} {path}", number + 1);
        told += 1;
    }
    assert!(told > 40, "{told}");
}
