//! The story that a real Moonraker 0.11.0 was told (`record_moonraker.py`), told again to the core:
//! status, body and notifications must be the same, step by step.

use super::Bench;
use crate::moonraker::settings::Settings;
use serde_json::{Value, json};

const STORY: &str = include_str!("../../../fixtures/moonraker-0.11.0.jsonl");

const NUMBERS: [&str; 17] = [
    "eventtime",
    "modified",
    "print_start_time",
    "start_time",
    "end_time",
    "print_duration",
    "total_duration",
    "filament_used",
    "printing_time",
    "temperature",
    "power",
    "progress",
    "file_position",
    "used",
    "free",
    "total",
    "target",
];
const DROPPED: [&str; 17] = [
    "metadata",
    "auxiliary_data",
    "traceback",
    "user",
    "uuid",
    "job_id",
    "hostname",
    "slicer",
    "components",
    "warnings",
    "registered_directories",
    "failed_components",
    "websocket_count",
    "info",
    "thumbnails",
    "path_info",
    "dirs",
];
const SHOWN: [(&str, &str); 4] =
    [("print_stats", "state"), ("print_stats", "filename"), ("print_stats", "message"), ("webhooks", "state")];

#[test]
fn the_recorded_story_is_told_alike() {
    let mut bench = Bench::new(Settings { default_print_ms: 10_000, ..Settings::default() });
    let mut shown = json!({});
    let mut differences = Vec::new();
    for line in STORY.lines() {
        let mut step: Value = serde_json::from_str(line).unwrap();
        step["answer"] = mask("", step["answer"].take());
        let told = tell(&mut bench, &mut shown, &step);
        for what in ["status", "answer", "events"] {
            if told[what] != step[what] {
                let (real, ours) = (&step[what], &told[what]);
                differences
                    .push(format!("{} {} {} {what}\n  real {real}\n  ours {ours}", step["do"], step["path"], step["json"]));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn tell(bench: &mut Bench, shown: &mut Value, step: &Value) -> Value {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let mut told = json!({});
    match text("do") {
        "wait" if text("host") == "ready" => bench.until(text("state")),
        "subscribe" => bench.subscribe(),
        kind => {
            bench.key = step["key"].as_str().map(str::to_owned);
            let answer = if kind == "upload" {
                bench.upload(text("name"), text("content"), step["form"].clone())
            } else {
                bench.call(text("method"), text("path"), step["json"].clone())
            };
            told["status"] = json!(answer.status);
            told["answer"] = mask("", answer.body);
        }
    }
    bench.pass(800);
    told["events"] = Value::Array(std::mem::take(&mut bench.texts).iter().flat_map(|text| events(shown, text)).collect());
    told
}

fn events(shown: &mut Value, text: &Value) -> Vec<Value> {
    let params = &text["params"][0];
    let status = text.pointer("/result/status").unwrap_or(params);
    match text["method"].as_str() {
        Some("notify_proc_stat_update") => Vec::new(),
        Some("notify_status_update") | None => {
            let news = SHOWN.iter().filter_map(|(object, field)| {
                let told = status[object].get(field).filter(|told| shown[object][field] != **told)?;
                shown[object][field] = told.clone();
                Some(json!([format!("{object}.{field}"), told.as_str()?.split(':').next()]))
            });
            let news: Vec<Value> = news.collect();
            if text["method"].is_null() { Vec::new() } else { news }
        }
        Some(method @ "notify_history_changed") => {
            let job = &params["job"];
            vec![json!([method, params["action"], job["filename"], job["status"]])]
        }
        Some(method @ "notify_gcode_response") => {
            let line = params.as_str().unwrap();
            let line = if line.contains("out of range") { line.split(':').next().unwrap() } else { line };
            vec![json!([method, line])]
        }
        Some(method) => vec![json!([method, params])],
    }
}

fn mask(key: &str, value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(|item| mask("", item)).collect();
            if key == "files" {
                items.sort_by_key(|item| item["filename"].to_string());
            }
            Value::Array(items)
        }
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(key, _)| !DROPPED.contains(&key.as_str()))
            .map(|(key, inner)| {
                let inner = mask(&key, inner);
                (key, inner)
            })
            .collect(),
        Value::Number(_) if NUMBERS.contains(&key) => json!("#"),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}
