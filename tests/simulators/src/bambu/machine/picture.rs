//! The printer's picture of itself as `push_status` has it, and what of it has changed. Numbers are of the kind that the printers send:
//! temperatures bare, fans and bits as text.

use super::{Machine, State};
use crate::bambu::settings::{Model, Settings, Tray};
use domain::time::Timestamp;
use serde_json::{Map, Value, json};

impl State {
    pub(in crate::bambu) const fn word(self) -> &'static str {
        match self {
            Self::Idle => "IDLE",
            Self::Prepare => "PREPARE",
            Self::Running => "RUNNING",
            Self::Pause => "PAUSE",
            Self::Finish => "FINISH",
            Self::Failed => "FAILED",
        }
    }
}

impl Machine {
    /// Everything. `card` is whether there is one, `locked` whether developer mode is off.
    pub(in crate::bambu) fn picture(&self, now: Timestamp, settings: &Settings, card: bool, locked: bool) -> Map<String, Value> {
        let fields = [self.job_fields(now), self.heat_fields(now, settings), self.house_fields(settings, card, locked)];
        fields.into_iter().flat_map(|fields| fields.as_object().cloned().unwrap_or_default()).collect()
    }

    fn job_fields(&self, now: Timestamp) -> Value {
        let job = self.job.as_ref();
        let ids = job.map(|job| job.ids.clone());
        let id = |of: fn(&super::Ids) -> &String| ids.as_ref().map_or("", |ids| of(ids)).to_owned();
        json!({
            "gcode_state": self.state.word(),
            "gcode_file": job.map_or("", |job| &job.gcode_file),
            "gcode_file_prepare_percent": if self.state == State::Prepare { "50" } else if job.is_some() { "100" } else { "0" },
            "subtask_name": self.subtask,
            "project_id": id(|ids| &ids.project),
            "profile_id": id(|ids| &ids.profile),
            "task_id": id(|ids| &ids.task),
            "subtask_id": id(|ids| &ids.subtask),
            "print_type": if self.is_busy() { "local" } else { "idle" },
            "mc_percent": self.percent(now),
            "mc_remaining_time": self.remaining_minutes(now),
            "mc_print_stage": if self.is_busy() { "2" } else { "1" },
            "mc_print_sub_stage": 0,
            "mc_print_line_number": "0",
            "layer_num": self.layer(now),
            "total_layer_num": job.filter(|_| self.state != State::Prepare).map_or(0, |job| job.layers),
            "stg": [2, 14, 13, 1],
            "stg_cur": self.stage,
            "s_obj": self.skipped,
            "print_error": self.print_error,
            "fail_reason": self.print_error.to_string(),
            "hms": self.health.iter().map(|(attr, code)| json!({ "attr": attr, "code": code })).collect::<Vec<_>>(),
        })
    }

    fn heat_fields(&self, now: Timestamp, settings: &Settings) -> Value {
        let printing = self.state == State::Running && self.stage == 0;
        let fan = if printing { "15" } else { "0" };
        let magnitude = [50, 100, 124, 166].get(usize::from(self.speed_level).wrapping_sub(1)).copied().unwrap_or(100);
        json!({
            "nozzle_temper": self.nozzle.degrees(now),
            "nozzle_target_temper": self.nozzle.target(),
            "bed_temper": self.bed.degrees(now),
            "bed_target_temper": self.bed.target(),
            // Most have no sensor there, and say 5.
            "chamber_temper": if settings.model == Model::X1c { 27 } else { 5 },
            "cooling_fan_speed": fan,
            "heatbreak_fan_speed": fan,
            "big_fan1_speed": "0",
            "big_fan2_speed": "0",
            "fan_gear": 0,
            "spd_lvl": self.speed_level,
            "spd_mag": magnitude,
        })
    }

    fn house_fields(&self, settings: &Settings, card: bool, locked: bool) -> Value {
        let mut fields = json!({
            "ams": self.ams_fields(),
            "ams_status": if self.ams.is_empty() { 0 } else { 768 },
            "ams_rfid_status": 0,
            "vt_tray": tray_fields("254", &self.external),
            "lights_report": [{ "node": "chamber_light", "mode": if self.light { "on" } else { "off" } }],
            "sdcard": card,
            "home_flag": if card { 0x100 } else { 0 },
            "hw_switch_state": 1,
            "wifi_signal": "-45dBm",
            "net": { "conf": 0, "info": [{ "ip": u32::from_le_bytes(settings.address.octets()), "mask": 0x00ff_ffff }] },
            "nozzle_diameter": "0.4",
            "nozzle_type": "stainless_steel",
            "lifecycle": "product",
            "mess_production_state": "active",
            "force_upgrade": false,
            "queue_number": 0,
            "queue_total": 0,
            "queue_est": 0,
            "queue_sts": 0,
            "filam_bak": [],
            "cali_version": 0,
            "online": { "ahb": false, "rfid": false, "version": 0 },
            "ipcam": { "ipcam_dev": "1", "ipcam_record": "enable", "timelapse": "disable", "resolution": "", "tutk_server": "disable", "mode_bits": 3 },
            "upload": { "status": "idle", "progress": 0, "message": "" },
            "upgrade_state": {
                "sequence_id": 0, "progress": "", "status": "", "consistency_request": false, "dis_state": 0, "err_code": 0,
                "force_upgrade": false, "message": "", "module": "", "new_version_state": 2, "cur_state_code": 1, "new_ver_list": [],
            },
        });
        // The smaller ones say nothing of it.
        if settings.model == Model::X1c {
            fields["fun"] = json!(format!("{:X}", 0x0001_8000_u64 | if locked { 0x2000_0000 } else { 0 }));
            fields["xcam"] = json!({ "first_layer_inspector": true, "print_halt": false, "spaghetti_detector": true });
        }
        fields
    }

    fn ams_fields(&self) -> Value {
        let filled = |tray: &Tray| !tray.material.is_empty();
        let bits = |holds: &dyn Fn(&Tray) -> bool| {
            let set = self.ams.iter().flatten().enumerate().filter(|(_, tray)| holds(tray)).map(|(place, _)| 1_u64 << place);
            format!("{:x}", set.sum::<u64>())
        };
        let now = self.job.as_ref().filter(|_| matches!(self.state, State::Running | State::Pause)).map_or(255, |job| job.tray);
        let unit = |(id, trays): (usize, &[Tray; 4])| {
            let trays: Vec<Value> = trays.iter().enumerate().map(|(slot, tray)| tray_fields(&slot.to_string(), tray)).collect();
            json!({ "id": id.to_string(), "humidity": "5", "temp": "23.5", "tray": trays })
        };
        json!({
            "ams": self.ams.iter().enumerate().map(unit).collect::<Vec<_>>(),
            "ams_exist_bits": format!("{:x}", (1_u64 << self.ams.len()) - 1),
            "tray_exist_bits": bits(&filled),
            "tray_is_bbl_bits": bits(&|tray| filled(tray) && tray.tagged),
            "tray_read_done_bits": bits(&filled),
            "tray_reading_bits": "0",
            "tray_now": now.to_string(),
            "tray_tar": now.to_string(),
            "tray_pre": now.to_string(),
            "version": 1,
            "insert_flag": true,
            "power_on_flag": false,
        })
    }
}

fn tray_fields(id: &str, tray: &Tray) -> Value {
    let outside = id == "254";
    // A slot without a spool has nothing but its number.
    if tray.material.is_empty() && !outside {
        return json!({ "id": id });
    }
    let uuid = if tray.tagged { format!("{:0<32}", tray.colour) } else { "0".repeat(32) };
    let known = !tray.material.is_empty();
    json!({
        "id": id,
        "remain": if outside { 0 } else { tray.remain },
        "k": 0.02,
        "n": 1,
        "cali_idx": -1,
        "tag_uid": uuid[..16],
        "tray_uuid": uuid,
        "tray_id_name": "",
        "tray_info_idx": tray.profile,
        "tray_type": tray.material,
        "tray_sub_brands": tray.name,
        "tray_color": tray.colour,
        "cols": [tray.colour],
        "ctype": 0,
        "tray_weight": if known { "1000" } else { "0" },
        "tray_diameter": if known { "1.75" } else { "0.00" },
        "tray_temp": "0",
        "tray_time": "0",
        "bed_temp_type": "0",
        "bed_temp": "0",
        "nozzle_temp_max": if known { "230" } else { "0" },
        "nozzle_temp_min": if known { "190" } else { "0" },
        "xcam_info": "000000000000000000000000",
    })
}

/// What of `new` is not in `old`: of objects the fields, of lists the whole list.
pub(in crate::bambu) fn delta(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let changed = |(name, value): (&String, &Value)| {
        let value = match (old.get(name), value) {
            (Some(before), value) if before == value => return None,
            (Some(Value::Object(before)), Value::Object(after)) => Value::Object(delta(before, after)),
            (Some(_) | None, value) => value.clone(),
        };
        Some((name.clone(), value))
    };
    new.iter().filter_map(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_has_changed_fields_of_objects_and_whole_lists() {
        let old = json!({ "a": 1, "same": { "x": 1 }, "o": { "x": 1, "y": [1, 2] }, "l": [{ "x": 1 }, { "x": 2 }] });
        let new = json!({ "a": 2, "same": { "x": 1 }, "o": { "x": 1, "y": [1, 3] }, "l": [{ "x": 1 }, { "x": 3 }] });
        let expected = json!({ "a": 2, "o": { "y": [1, 3] }, "l": [{ "x": 1 }, { "x": 3 }] });
        let told = delta(old.as_object().unwrap(), new.as_object().unwrap());
        assert_eq!(Value::Object(told), expected);
    }
}
