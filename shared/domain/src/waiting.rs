//! Why a queued job does not run: one code, one sentence, one fix each. The codes are words of the
//! public contract; new ones may come.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($(#[$doc:meta])* $enum:ident { $($name:ident = $word:literal, $text:literal, $fix:literal, $since:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $enum { $(#[doc = $text] $name,)* }

        impl $enum {
            /// Every code.
            pub const ALL: &'static [$enum] = &[$($enum::$name,)*];
            /// The word on the wire.
            pub const fn code(self) -> &'static str {
                match self { $($enum::$name => $word,)* }
            }
            /// One plain sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $($enum::$name => $text,)* }
            }
            /// What a person can do about it.
            pub const fn fix(self) -> &'static str {
                match self { $($enum::$name => $fix,)* }
            }
            /// The feature that it waits for; empty where it is reached today.
            pub const fn waits_for(self) -> &'static str {
                match self { $($enum::$name => $since,)* }
            }
        }
    };
}

reasons! {
    /// Why a job does not run on one printer.
    PrinterReason {
        Disabled = "disabled", "The printer is out of service.", "Enable the printer.", "";
        Quarantined = "quarantined", "The printer was taken out after failures in a row.", "Look at the printer, then lift the quarantine.", "";
        Maintenance = "maintenance", "The printer is being maintained.", "End its maintenance.", "";
        Offline = "offline", "The printer cannot be reached.", "Check its power and network.", "";
        Stale = "stale", "The printer has not been heard for a while.", "Wait a moment, or check its network.", "";
        Busy = "busy", "The printer works on another job.", "Wait, or free the printer.", "";
        ForeignPrint = "foreign_print", "Somebody started a print at the machine.", "Wait for it to end, then clear the bed.", "";
        PrinterError = "printer_error", "The printer reports a fault.", "Look at the printer.", "";
        PrinterUnknown = "printer_unknown", "It is not known what became of the last print there.", "Look at the printer and resolve that job.", "";
        ControlDenied = "control_denied", "The printer takes no orders from us.", "Give Gantry the right to control it.", "";
        ConfigIncomplete = "config_incomplete", "The printer is not set up: its model, nozzle or size is missing.", "Complete the printer's settings.", "";
        BedNotClear = "bed_not_clear", "Something may lie on the printer's bed.", "Clear the bed and say so.", "";
        ModelMismatch = "model_mismatch", "The file was made for another printer model, or does not say for which.", "Slice it for this model, or aim the job at a printer, a pool or tags.", "";
        NozzleMismatch = "nozzle_mismatch", "The file needs another nozzle.", "Change the nozzle or slice for this one.", "";
        PlateTypeMismatch = "plate_type_mismatch", "The file needs another build plate.", "Change the plate and say so in the printer's settings.", "";
        BedTooSmall = "bed_too_small", "The print is larger than the printer.", "Use a larger printer.", "";
        TagMismatch = "tag_mismatch", "The job is aimed at other printers.", "Change the job's target or the printer's tags.", "";
        MaterialNotLoaded = "material_not_loaded", "The material that the file needs is not loaded.", "Load it, or change what the job needs.", "";
        ColourMismatch = "colour_mismatch", "The colour that the file needs is not loaded.", "Load it, or change what the job needs.", "";
        FilamentLow = "filament_low", "There is not enough filament left.", "Load a fuller spool.", "";
        TooFewSlots = "too_few_slots", "The file needs more filaments than the printer has positions.", "Use a printer with more positions.", "";
        ProfileMissing = "profile_missing", "There is no slicing profile for this printer.", "Add a profile.", "slicing on the farm";
        StorageFull = "storage_full", "The printer has no room for the file.", "Delete files on the printer.", "";
        NeedsPerson = "needs_person", "The printer asks for a person.", "Go to the printer.", "";
        OutsideHours = "outside_hours", "The printer does not start prints at this time.", "Wait, or change its hours.", "working hours";
        StartStaggered = "start_staggered", "Another printer has just started; starts are spread out.", "Wait a moment.", "staggered starts";
        BehindInQueue = "behind_in_queue", "Another job goes first on this printer.", "Wait, or move the job up.", "";
    }
}

reasons! {
    /// Why a job runs nowhere.
    JobReason {
        Held = "held", "The job is held.", "Release it.", "";
        AwaitingApproval = "awaiting_approval", "The job waits for a person's yes.", "Approve it.", "";
        Slicing = "slicing", "The job's file is being made.", "Wait a moment.", "slicing on the farm";
        FileNotHere = "file_not_here", "The job's file has not arrived at the farm yet.", "Wait until the upload has arrived.", "";
        FileMissing = "file_missing", "The job's file is gone.", "Upload it again.", "";
        FileRefused = "file_refused", "The farm's own reader refused the job's file.", "See the file's detail, then slice it again.", "";
        ClockUnset = "clock_unset", "The farm's clock is not set, and the job depends on a time.", "Set the clock of the agent's machine.", "working hours";
        FarmDraining = "farm_draining", "The farm starts no new jobs.", "Set the farm's dispatch to run.", "";
        DiskFull = "disk_full", "The agent's disk is full.", "Free some space.", "";
        SameFileFailing = "same_file_failing", "The same file failed on several printers.", "Check the file, then release the job.", "";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_word_on_the_wire() {
        for reason in PrinterReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
        }
        for reason in JobReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
        }
    }
}
