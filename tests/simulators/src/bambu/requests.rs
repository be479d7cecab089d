//! What clients ask on the request topic, and the replies. A reply repeats what was asked and adds how it went; whether anything came
//! of it, only the reports say.

use super::card;
use super::codes;
use super::core::Core;
use super::door::{ClientId, Output};
use super::machine::{Ids, Job};
use super::project;
use domain::time::Timestamp;
use serde_json::{Map, Value, json};

/// Names of a start's file, and what it asks for.
struct Start {
    path: String,
    plate: String,
    subtask: String,
    ids: Ids,
    md5: String,
    use_ams: bool,
    mapping: Vec<i64>,
    slots: Vec<(i64, i64)>,
}

impl Core {
    /// Takes one message, which may hold several requests.
    pub(super) fn request(&mut self, now: Timestamp, client: ClientId, payload: &[u8], out: &mut Vec<Output>) {
        if self.faults.half_dead {
            return;
        }
        let Ok(Value::Object(classes)) = serde_json::from_slice(payload) else { return };
        for (class, asked) in classes {
            let Value::Object(asked) = asked else { continue };
            let command = asked.get("command").and_then(Value::as_str).unwrap_or_default().to_owned();
            *self.counters.commands.entry(command.clone()).or_default() += 1;
            let moves = matches!(class.as_str(), "print" | "system" | "camera" | "xcam");
            if moves && self.faults.developer_mode_off {
                self.reply(now, &class, asked, &Err(not_verified()), out);
                continue;
            }
            match (class.as_str(), command.as_str()) {
                ("info", "get_version") => self.tell_version(now, &asked, out),
                ("pushing", "pushall" | "start") => self.tell_whole(now, out),
                ("print", "project_file" | "gcode_file") => self.start(now, client, asked, out),
                (_, _) => {
                    if let Some(done) = self.obey(now, &class, &command, &asked) {
                        self.reply(now, &class, asked, &done, out);
                    }
                }
            }
        }
    }

    /// None for what this printer does not know: nothing is answered to that.
    fn obey(&mut self, now: Timestamp, class: &str, command: &str, asked: &Map<String, Value>) -> Option<Result<(), Value>> {
        let param = asked.get("param").and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| asked.get(name).and_then(Value::as_i64);
        match (class, command) {
            ("print", "pause") => self.machine.pause(now),
            ("print", "resume") => self.machine.resume(now),
            ("print", "stop") => self.machine.cancel(now),
            ("print", "clean_print_error") => self.machine.clear_error(),
            ("print", "print_speed") => match param.parse() {
                Ok(level @ 1..=4) => self.machine.speed_level = level,
                Ok(_) | Err(_) => return Some(Err(json!({ "reason": "invalid param" }))),
            },
            ("print", "gcode_line") => self.gcode(now, param),
            ("print", "skip_objects") => {
                let objects = asked.get("obj_list").and_then(Value::as_array).into_iter().flatten();
                self.machine.skipped.extend(objects.filter_map(Value::as_i64));
            }
            ("print", "ams_filament_setting") => {
                let text = |name: &str| asked.get(name).and_then(Value::as_str).map(str::to_owned);
                let tray = match (number("ams_id"), number("tray_id")) {
                    (Some(255), _) | (_, Some(254)) => Some(&mut self.machine.external),
                    (unit, slot) => {
                        let place = |number: Option<i64>| number.and_then(|number| usize::try_from(number).ok());
                        let unit = place(unit).and_then(|unit| self.machine.ams.get_mut(unit));
                        unit.and_then(|unit| unit.get_mut(place(slot)?))
                    }
                };
                let Some(tray) = tray else { return Some(Err(json!({ "reason": "no such tray" }))) };
                tray.material = text("tray_type").unwrap_or_default();
                tray.colour = text("tray_color").unwrap_or_default();
                tray.profile = text("tray_info_idx").unwrap_or_default();
                tray.tagged = false;
            }
            ("system", "ledctrl") => match asked.get("led_node").and_then(Value::as_str) {
                Some("chamber_light") => self.machine.light = asked["led_mode"] != "off",
                Some(_) => {}
                None => return Some(Err(json!({ "reason": "invalid param" }))),
            },
            (_, _) => return None,
        }
        Some(Ok(()))
    }

    /// Only temperatures have an effect here.
    fn gcode(&mut self, now: Timestamp, lines: &str) {
        for line in lines.lines() {
            let degrees = line.split_whitespace().find_map(|word| word.strip_prefix('S')?.parse().ok());
            match (line.split_whitespace().next(), degrees) {
                (Some("M104" | "M109"), Some(degrees)) => self.machine.nozzle.aim(degrees, now),
                (Some("M140" | "M190"), Some(degrees)) => self.machine.bed.aim(degrees, now),
                (_, _) => {}
            }
        }
    }

    fn start(&mut self, now: Timestamp, client: ClientId, asked: Map<String, Value>, out: &mut Vec<Output>) {
        let start = Start::read(&asked);
        if self.machine.is_busy() {
            self.machine.show(codes::BUSY, now);
            self.reply(now, "print", asked, &Err(json!({ "reason": "device is busy", "err_code": codes::BUSY })), out);
            return;
        }
        *self.counters.starts_accepted.entry(start.path.clone()).or_default() += 1;
        if self.faults.lose_start_answers {
            self.drop_client(client, out);
        } else {
            self.reply(now, "print", asked, &Ok(()), out);
        }
        // The name is shown from now on, whatever comes of the start.
        self.machine.subtask = start.subtask.clone();
        let job = self.job(&start);
        match self.faults.late_starts_ms {
            _ if self.faults.ignore_starts => {}
            Some(ms) => self.late_start = Some((now.plus_millis(ms as i64), job)),
            None => self.machine.start(now, job),
        }
    }

    /// A file that somebody starts at the screen: filament by filament from the slots in their order.
    pub(super) fn start_at_screen(&mut self, now: Timestamp, file: &str) {
        let path = card::resolve("/", file);
        let plate = "Metadata/plate_1.gcode".to_owned();
        let use_ams = !self.machine.ams.is_empty();
        let ids = Ids::default();
        let start = Start {
            subtask: subtask(&path),
            path,
            plate,
            ids,
            md5: String::new(),
            use_ams,
            mapping: (0..4).collect(),
            slots: Vec::new(),
        };
        if !self.machine.is_busy() {
            self.machine.subtask = start.subtask.clone();
            let job = self.job(&start);
            self.machine.start(now, job);
        }
    }

    /// What the printer makes of a start when it looks at the file.
    fn job(&self, start: &Start) -> Job {
        let read = self.content(start);
        let (hints, tray, refusal) = match read {
            Ok(plate) => {
                let tray = self.tray(start, &plate.filaments);
                (plate.hints, tray.unwrap_or(255), tray.err())
            }
            Err(code) => (crate::gcode::Hints::default(), 255, Some(code)),
        };
        let life_ms = hints.seconds.map_or(self.settings.default_print_ms, |seconds| seconds * 1000);
        let speed = u64::from(self.settings.speed.max(1));
        Job {
            path: start.path.clone(),
            gcode_file: card::name(&start.path).to_owned(),
            ids: start.ids.clone(),
            print_ms: self.settings.fixed_print_ms.unwrap_or(life_ms) / speed,
            nozzle: hints.nozzle,
            bed: hints.bed,
            layers: hints.layers.unwrap_or(100),
            tray,
            refusal: self.faults.refuse_starts.or(refusal),
        }
    }

    fn content(&self, start: &Start) -> Result<project::Plate, u32> {
        if !self.there_is_a_card() {
            return Err(codes::NO_CARD);
        }
        if self.faults.card_broken {
            return Err(codes::CARD_BROKEN);
        }
        if start.path == "/" || !start.path.is_ascii() {
            return Err(codes::BAD_PATH);
        }
        let content = self.card.read(&start.path).ok_or(codes::NO_FILE)?;
        if start.plate.is_empty() {
            let hints = crate::gcode::read(&content);
            return Ok(project::Plate { hints, filaments: vec![0] });
        }
        if !project::matches(&content, &start.md5) {
            return Err(codes::UNREADABLE);
        }
        project::read(&content, &start.plate)
    }

    /// The tray that is loaded first; an error if a filament of the plate has none.
    fn tray(&self, start: &Start, filaments: &[usize]) -> Result<u8, u32> {
        let place = |filament: usize| -> Result<u8, u32> {
            let tray = start.mapping.get(filament).copied().unwrap_or(-1);
            let outside = start.slots.get(filament).is_some_and(|(unit, _)| matches!(unit, 254 | 255)) || tray == 254;
            match usize::try_from(tray) {
                Ok(tray) if start.use_ams && tray < 254 => {
                    match self.machine.ams.get(tray / 4).and_then(|unit| unit.get(tray % 4)) {
                        Some(spool) if !spool.material.is_empty() => u8::try_from(tray).map_err(|_| codes::NO_MAPPING),
                        Some(_) => Err(codes::RUNOUT),
                        None => Err(codes::NO_MAPPING),
                    }
                }
                Ok(_) | Err(_) if start.use_ams && !outside => Err(codes::NO_MAPPING),
                Ok(_) | Err(_) if self.machine.external.material.is_empty() => Err(codes::EXTERNAL_RUNOUT),
                Ok(_) | Err(_) => Ok(254),
            }
        };
        if start.use_ams && self.machine.ams.is_empty() {
            return Err(codes::NO_AMS);
        }
        let trays = filaments.iter().map(|filament| place(*filament)).collect::<Result<Vec<u8>, u32>>()?;
        Ok(trays.first().copied().unwrap_or(254))
    }
}

impl Start {
    fn read(asked: &Map<String, Value>) -> Self {
        let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_project = text("command") == "project_file";
        let url = if is_project { text("url") } else { text("param") };
        let path = url.split_once("://").map_or(url, |(_, path)| path);
        let path =
            ["/sdcard", "/mnt/sdcard", "/media/usb0"].iter().fold(path, |path, root| path.strip_prefix(root).unwrap_or(path));
        let path = card::resolve("/", path);
        let id = |name: &str| {
            asked.get(name).map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)).unwrap_or("0".into())
        };
        let numbers = |name: &str| asked.get(name).and_then(Value::as_array).into_iter().flatten();
        let named = text("subtask_name");
        Self {
            subtask: if named.is_empty() { subtask(&path) } else { named.to_owned() },
            path,
            plate: if is_project { text("param").to_owned() } else { String::new() },
            ids: Ids { project: id("project_id"), profile: id("profile_id"), task: id("task_id"), subtask: id("subtask_id") },
            md5: text("md5").to_owned(),
            use_ams: asked.get("use_ams") == Some(&Value::Bool(true)),
            mapping: numbers("ams_mapping").filter_map(Value::as_i64).collect(),
            slots: numbers("ams_mapping2")
                .map(|slot| (slot["ams_id"].as_i64().unwrap_or(255), slot["slot_id"].as_i64().unwrap_or(255)))
                // Neither unit nor slot: unused.
                .map(|slot| if slot == (255, 255) { (-1, -1) } else { slot })
                .collect(),
        }
    }
}

/// What a file is called where nobody gave it a name.
fn subtask(path: &str) -> String {
    let name = card::name(path);
    let name = name.strip_suffix(".3mf").unwrap_or(name);
    name.strip_suffix(".gcode").unwrap_or(name).to_owned()
}

fn not_verified() -> Value {
    json!({ "reason": "mqtt message verify failed", "err_code": codes::NOT_VERIFIED })
}
