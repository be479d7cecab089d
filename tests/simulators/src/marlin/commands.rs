//! What each command does to the board.

use super::core::Core;
use super::door::Output;
use super::machine::{Heated, Machine, Waits, word};

impl Core {
    /// Does a command, or begins to.
    pub(super) fn begin(&mut self, text: &str, out: &mut Vec<Output>) -> Waits {
        let code = text.split_whitespace().next().unwrap_or_default();
        let seconds = |letter| word(text, letter).unwrap_or(0.0).max(0.0);
        let degrees = word(text, 'S').or_else(|| word(text, 'R')).unwrap_or(0.0);
        let now = self.now;
        match code {
            "G0" | "G1" | "G2" | "G3" => return Waits::Room,
            "G4" => {
                let ms = (seconds('P') + seconds('S') * 1000.0) / f64::from(self.machine.speed());
                return Waits::Still { more_ms: ms as u64 };
            }
            "G28" => {
                self.counters.homings += 1;
                return self.machine.home();
            }
            "G20" | "G21" | "G90" | "G91" | "M82" | "M83" => self.machine.set_mode(code),
            "G92" => self.machine.set_place(text),
            "M0" | "M1" => {
                if self.settings.has_prompts {
                    for line in ["prompt_begin Click to continue", "prompt_button Continue", "prompt_show"] {
                        self.say(&format!("//action:{line}"), out);
                    }
                }
                return Waits::Person;
            }
            "M104" => self.machine.heat(Heated::Nozzle, degrees, now),
            "M140" => self.machine.heat(Heated::Bed, degrees, now),
            "M109" => {
                self.machine.heat(Heated::Nozzle, degrees, now);
                return Waits::Heat(Heated::Nozzle);
            }
            "M190" => {
                self.machine.heat(Heated::Bed, degrees, now);
                return Waits::Heat(Heated::Bed);
            }
            "M106" => self.machine.fan = true,
            "M107" => self.machine.fan = false,
            "M18" | "M84" => self.machine.motors = false,
            "M112" => self.halt("", out),
            "M114" => {
                let place = self.machine.place_in_words();
                self.say(&place, out);
            }
            "M115" => self.tell_firmware(out),
            "M117" => text.strip_prefix("M117").unwrap_or_default().trim().clone_into(&mut self.machine.display),
            "M155" => {
                let every = word(text, 'S').filter(|seconds| *seconds > 0.0).map(|seconds| (seconds * 1000.0) as i64);
                self.report_ms = every.filter(|_| self.settings.reports_temperatures);
            }
            "M400" => return Waits::Still { more_ms: 0 },
            "M20" | "M23" | "M24" | "M25" | "M27" | "M524" => self.card_command(code, text, out),
            "M105" | "M108" | "M110" | "M410" | "M73" | "M876" | "" => {}
            _ => self.say(&format!("echo:Unknown command: \"{text}\""), out),
        }
        Waits::Not
    }

    fn card_command(&mut self, code: &str, text: &str, out: &mut Vec<Output>) {
        let (now, speed) = (self.now, self.settings.speed);
        let Some(card) = &mut self.card else { return self.say(&format!("echo:Unknown command: \"{text}\""), out) };
        let lines = match code {
            "M20" => card.list(),
            "M23" => card.select(text.split_whitespace().nth(1).unwrap_or_default()),
            "M24" => {
                card.go_on(now);
                Vec::new()
            }
            "M25" => {
                card.pause(now, speed);
                Vec::new()
            }
            "M27" if text.ends_with('C') => vec![format!("Current file: {}", card.name())],
            "M27" => vec![card.status(now, speed)],
            _ => {
                card.stop();
                Vec::new()
            }
        };
        lines.iter().for_each(|line| self.say(line, out));
    }

    fn tell_firmware(&mut self, out: &mut Vec<Output>) {
        self.say(
            "FIRMWARE_NAME:Marlin bugfix-2.1.x (Jan 1 2023 00:00:00) SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin \
             PROTOCOL_VERSION:1.0 MACHINE_TYPE:Simulated EXTRUDER_COUNT:1 UUID:cede2a2f-41a2-4748-9b12-c55c62f367ff",
            out,
        );
        let settings = &self.settings;
        let caps = [
            ("SERIAL_XON_XOFF", false),
            ("EEPROM", true),
            ("AUTOREPORT_TEMP", settings.reports_temperatures),
            ("EMERGENCY_PARSER", settings.emergency_parser),
            ("HOST_ACTION_COMMANDS", true),
            ("PROMPT_SUPPORT", settings.has_prompts),
            ("SDCARD", settings.card.is_some()),
        ];
        for (cap, can) in caps {
            self.say(&format!("Cap:{cap}:{}", u8::from(can)), out);
        }
    }

    /// What an emergency parser does with a line, before its turn.
    pub(super) fn at_once(&mut self, text: &str, out: &mut Vec<Output>) {
        match text.split_whitespace().next() {
            Some("M108") => self.released(),
            Some("M112") => self.halt("", out),
            Some("M410") => self.machine.quick_stop(),
            Some("M876") => {
                self.say("M876 Responding PROMPT_USER_CONTINUE", out);
                self.say("//action:prompt_end", out);
                self.released();
            }
            Some(_) | None => {}
        }
    }

    /// What waits for heat or a person waits no longer.
    pub(super) fn released(&mut self) {
        if let Some(waits @ (Waits::Heat(_) | Waits::Person)) = &mut self.waits {
            *waits = Waits::Not;
        }
    }

    pub(super) fn halt(&mut self, cause: &str, out: &mut Vec<Output>) {
        if !cause.is_empty() {
            self.say(cause, out);
        }
        self.say("Error:Printer halted. kill() called!", out);
        self.say("//action:poweroff", out);
        self.counters.moves += self.machine.made;
        self.machine = Machine::cold(&self.settings, self.now);
        self.queue.clear();
        self.waits = None;
        self.halted = true;
    }
}
