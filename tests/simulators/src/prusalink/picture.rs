//! What is told of server, printer, job and storage. Changes nothing.

use super::core::Core;
use super::files::{refs_of_a_pi, short};
use super::machine::Print;
use super::settings::Form;
use domain::time::Timestamp;
use serde_json::{Value, json};

impl Core {
    pub(super) fn version(&self) -> Value {
        match self.settings.form {
            Form::Printer => json!({ "api": "2.0.0", "server": "2.1.2", "nozzle_diameter": 0.4, "text": "PrusaLink",
                "hostname": "prusa-mk4", "capabilities": { "upload-by-put": true } }),
            Form::Pi => json!({ "api": "2.0.0", "server": "0.8.1", "original": "PrusaLink I3MK3S", "text": "PrusaLink 0.8.1",
                "firmware": "3.14.0-8094", "sdk": "0.8.1", "capabilities": { "upload-by-put": true }, "hostname": "pi" }),
        }
    }

    pub(super) fn info(&self) -> Value {
        match self.settings.form {
            Form::Printer => json!({ "nozzle_diameter": 0.4, "mmu": false, "serial": "10589-3742441633257893",
                "hostname": "prusa-mk4", "min_extrusion_temp": 170 }),
            Form::Pi => {
                json!({ "name": "", "location": "", "farm_mode": false, "network_error_chime": false, "nozzle_diameter": 0.4,
                "min_extrusion_temp": 170, "serial": "CZPX0000X000XC00000", "hostname": "connect.prusa3d.com", "port": 0 })
            }
        }
    }

    pub(super) fn storages(&self) -> Value {
        match self.settings.form {
            Form::Printer => json!({ "storage_list": [{ "path": "/usb/", "name": "usb", "type": "USB", "read_only": false,
                "available": !self.disk.is_pulled }] }),
            Form::Pi => json!({ "storage_list": [
                { "type": "LOCAL", "path": "/local", "available": true, "free_space": self.free_bytes(),
                  "total_space": self.settings.disk_bytes, "read_only": false, "name": "gcodes", "print_files": 0, "system_files": 0 },
                { "type": "SDCARD", "path": "/sdcard", "available": true, "read_only": true, "name": "SD Card", "print_files": 0,
                  "system_files": 0 },
            ] }),
        }
    }

    pub(super) fn status(&self, now: Timestamp) -> Value {
        let (nozzle, bed) = (&self.machine.nozzle, &self.machine.bed);
        let mut printer = json!({ "state": self.machine.word(), "temp_bed": bed.degrees(now), "target_bed": bed.target(),
            "temp_nozzle": nozzle.degrees(now), "target_nozzle": nozzle.target(), "axis_z": 0.0, "flow": 100, "speed": 100,
            "fan_hotend": 0, "fan_print": 0 });
        let is_printing = self.machine.word() == "PRINTING";
        if !is_printing {
            printer["axis_x"] = json!(0.0);
            printer["axis_y"] = json!(0.0);
        }
        let storage = match self.settings.form {
            Form::Printer => json!({ "path": "/usb/", "name": "usb", "read_only": false }),
            Form::Pi => {
                let fine = json!({ "ok": true, "message": "OK" });
                let wrong = self.machine.error().map(|error| json!({ "ok": false, "message": error }));
                printer["status_printer"] = wrong.unwrap_or_else(|| fine.clone());
                printer["status_connect"] = fine;
                json!([{ "path": "/local", "read_only": false, "free_space": self.free_bytes(), "name": "gcodes" },
                       { "path": "/sdcard", "read_only": true, "name": "SD Card" }])
            }
        };
        let mut status = json!({ "storage": storage, "printer": printer });
        if let Some(progress) = self.machine.progress(now) {
            status["job"] = json!({ "id": self.machine.job, "progress": progress.percent });
            // In its first second a Raspberry Pi knows no times.
            if self.settings.form == Form::Printer || progress.printing_s > 0 {
                status["job"]["time_remaining"] = json!(progress.remaining_s);
                status["job"]["time_printing"] = json!(progress.printing_s);
            }
        }
        status
    }

    /// None while there is no job. A printer tells of a question as of a pause here.
    pub(super) fn job(&self, now: Timestamp) -> Option<Value> {
        let (print, progress) = (self.machine.print()?, self.machine.progress(now)?);
        let state = match (self.settings.form, self.machine.word()) {
            (Form::Printer, "ATTENTION") => "PAUSED",
            (Form::Printer | Form::Pi, word) => word,
        };
        let mut job = json!({ "id": self.machine.job, "state": state, "progress": progress.percent,
            "time_remaining": progress.remaining_s, "time_printing": progress.printing_s, "file": self.file_of_job(print) });
        if self.settings.form == Form::Pi {
            job["inaccurate_estimates"] = json!(false);
        }
        Some(job)
    }

    fn file_of_job(&self, print: &Print) -> Value {
        let (folder, name) = print.path.rsplit_once('/').unwrap_or(("", &print.path));
        let seconds = self.file_time(&print.path);
        match self.settings.form {
            Form::Printer => {
                json!({ "refs": { "download": format!("/usb/{}", print.path) }, "name": short(name), "display_name": name,
                "path": format!("/usb/{}", folder.to_ascii_uppercase()), "size": print.size, "m_timestamp": seconds })
            }
            Form::Pi => {
                let path = format!("/gcodes/{}", print.path);
                json!({ "name": name, "display_name": name, "path": path, "display_path": path, "size": print.size,
                    "m_timestamp": seconds, "refs": refs_of_a_pi(&print.path), "meta": {} })
            }
        }
    }

    /// The old door, which clients still look through.
    pub(super) fn old_printer(&self, now: Timestamp) -> Value {
        let word = self.machine.word();
        let is = |wanted: &str| word == wanted;
        let heater =
            |heater: &crate::heat::Heater| json!({ "actual": heater.degrees(now), "target": heater.target(), "offset": 0 });
        json!({
            "telemetry": { "temp-bed": self.machine.bed.degrees(now), "temp-nozzle": self.machine.nozzle.degrees(now), "print-speed": 100,
                "z-height": 0.0, "material": "PLA" },
            "temperature": { "tool0": heater(&self.machine.nozzle), "bed": heater(&self.machine.bed) },
            "state": { "text": if is("PRINTING") { "Printing" } else { "Operational" },
                "flags": { "link_state": word, "operational": !is("PRINTING"), "paused": is("PAUSED"), "printing": is("PRINTING"),
                    "cancelling": false, "pausing": false, "error": is("ERROR"), "sdReady": false, "closedOnError": false,
                    "ready": is("IDLE"), "busy": false } },
        })
    }
}
