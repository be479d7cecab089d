//! What the machine's codes mean, in plain words. A code that is not here is still told, by what it says of
//! itself: which part of the machine, and how bad.

use domain::attempt::PauseReason;
use domain::printer::PrinterFault;

/// A print that was cancelled ends like one that failed, with one of these.
const CANCELLED: [u32; 2] = [0x0300_400C, 0x0500_400E];

/// A start that came to a machine at work.
pub(super) const BUSY: u32 = 0x0500_4004;

/// Commands are taken only with the maker's signature.
pub(super) const UNSIGNED_HMS: (u32, u32) = (0x0500_0500, 0x0001_0007);
pub(super) const UNSIGNED_CODES: [u32; 2] = [0x0502_4007, 0x0502_4009];

/// What a person does about a machine that takes no commands.
pub(super) const NO_CONTROL: &str = "the printer takes no commands from this network. Switch on LAN Only Mode and Developer Mode on its \
     screen (Settings, LAN only), then enter the new access code here";

pub(super) fn is_cancel(code: u32) -> bool {
    CANCELLED.contains(&code)
}

/// `0300_400C`, as the maker writes it.
pub(super) fn written(code: u32) -> String {
    format!("{:04X}_{:04X}", code >> 16, code & 0xFFFF)
}

/// The machine's `print_error`, if it is a fault.
pub(super) fn fault(code: u32) -> Option<PrinterFault> {
    if code == 0 || is_cancel(code) {
        return None;
    }
    let text = known(code).map_or_else(|| format!("{} reports a problem", part(code >> 24)), str::to_owned);
    Some(PrinterFault { code: Some(written(code)), text })
}

/// An entry of its health list, if it is bad enough to keep prints away.
pub(super) fn hms_fault(attr: u32, code: u32) -> Option<PrinterFault> {
    let how = match code >> 16 {
        1 => "a fatal fault",
        2 => "a serious fault",
        _ => return None,
    };
    if (attr, code) == UNSIGNED_HMS {
        return None;
    }
    let written = format!("HMS_{}_{}", self::written(attr), self::written(code));
    Some(PrinterFault { code: Some(written), text: format!("{} reports {how}", part(attr >> 24)) })
}

/// Why a print stands still, from the machine's error and from what it is at.
pub(super) fn pause(error: u32, stage: Option<i64>) -> PauseReason {
    let ran_out = error == 0x0300_8004 || (error >> 24 == 0x07 && error & 0xFFFF == 0x8011);
    match (error, stage) {
        _ if ran_out => PauseReason::Runout,
        (0x0300_8007, _) => PauseReason::PowerLoss,
        (0x0300_8001, _) | (0, Some(5 | 30)) => PauseReason::Prompt,
        (0 | 0x0300_8000 | 0x0300_8013, Some(6)) => PauseReason::Runout,
        (0 | 0x0300_8000 | 0x0300_8013, Some(4)) => PauseReason::ColourChange,
        (0 | 0x0300_8000, Some(17 | 20 | 21 | 26 | 35)) => PauseReason::VendorError,
        (0 | 0x0300_8000 | 0x0300_8013, _) => PauseReason::User,
        _ => PauseReason::VendorError,
    }
}

fn part(module: u32) -> &'static str {
    match module {
        0x03 => "the motion system",
        0x05 => "the mainboard",
        0x07 => "the AMS",
        0x08 | 0x18 => "the toolhead or the AMS",
        0x0C => "the camera or the lidar",
        0x10 => "the software",
        0x12 => "the AMS lite",
        _ => "the printer",
    }
}

fn known(code: u32) -> Option<&'static str> {
    // The AMS units say the same with their own number in the middle.
    if code >> 24 == 0x07 {
        let said = match code & 0xFFFF {
            0x8001 => Some("the AMS could not cut the filament: check the cutter"),
            0x8003 => Some("the filament could not be pulled out of the extruder: it may be broken or stuck"),
            0x8004 => Some("the filament could not be pulled back into the AMS: it may be broken or stuck"),
            0x8005 => Some("the AMS could not push the filament: check for a tangle"),
            0x8006 => Some("the filament does not come to the toolhead: check the tube and the spool"),
            0x8010 => Some("the AMS motor is overloaded: check for a tangle"),
            0x8011 => Some("the filament in the AMS ran out: put in a new spool of the same kind"),
            0x8012 => Some("the printer got no mapping of the file's filaments to its AMS"),
            _ => None,
        };
        if said.is_some() {
            return said;
        }
    }
    Some(match code {
        0x0300_4000 | 0x0300_4009 => "homing failed: check that nothing blocks the axes",
        0x0300_4001 => "the nozzle took too long to cool down before homing",
        0x0300_4002 => "levelling of the bed failed: check the plate and the nozzle",
        0x0300_4005 | 0x0300_8010 => "the fan of the hotend turns too slowly",
        0x0300_4006 | 0x0300_8016 => "the nozzle is clogged",
        0x0300_4008 => "the AMS failed to change the filament",
        0x0300_400D => "it could not go on after the power was lost",
        0x0300_8000 => "the print was paused, and the printer does not say why",
        0x0300_8001 => "the print was paused by a command in its file",
        0x0300_8003 => "it believes that the print has come loose (spaghetti): look at it",
        0x0300_8004 => "the filament ran out",
        0x0300_8007 => "the power was lost in the print: say on its screen whether it goes on",
        0x0300_8008 => "the temperature of the nozzle is out of order",
        0x0300_8009 => "the temperature of the bed is out of order",
        0x0300_800A => "filament has piled up in the chute: clean it",
        0x0300_800B => "the filament cutter is stuck",
        0x0300_800D | 0x0300_801A | 0x0300_801C => "it does not extrude as it should: the nozzle or extruder may be clogged",
        0x0300_800E | 0x0500_8013 => "the file to be printed is gone: was the card taken out?",
        0x0300_800F | 0x0300_8042 => "the door or the cover is open",
        0x0300_8013 => "the print was paused by a person",
        0x0300_8014 => "the nozzle is covered with filament, or the plate is not in its place",
        0x0300_8017 => "something lies on the bed",
        0x0300_8018 => "the temperature of the chamber is out of order",
        0x0300_8019 => "no build plate is in",
        0x0500_4002 | 0x0500_400A => "it does not take the file's path or name",
        0x0500_4003 => "it cannot read the file",
        BUSY => "it is at work and takes no other print",
        0x0500_4005 | 0x0500_4007 => "it takes no print while its firmware is being updated",
        0x0500_4006 => "there is not enough room for the print",
        0x0500_4008 => "it could not start the print: switch it off and on",
        0x0500_400B => "it could not fetch the file",
        0x0500_400C => "there is no card in it",
        0x0500_400D => "it asks for a self-test",
        0x0500_402E => "it does not know the card's file system: format it as FAT32",
        0x0500_402F => "the card is damaged: format or replace it",
        0x0500_4037 => "the file was sliced for another printer model",
        0x0500_4038 => "the file was sliced for another nozzle diameter",
        0x0500_8051 => "another build plate is in than the file was sliced for",
        0x0500_C010 => "it cannot read or write its card",
        0x0502_4007 | 0x0502_4009 => NO_CONTROL,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_its_code_and_plain_words_and_an_unknown_one_says_where_it_is() {
        let check = |code, expected: Option<(&str, &str)>| {
            let told = fault(code).map(|fault| (fault.code.unwrap(), fault.text));
            assert_eq!(told, expected.map(|(code, text)| (code.to_owned(), text.to_owned())));
        };
        check(0, None);
        check(0x0300_8004, Some(("0300_8004", "the filament ran out")));
        check(0x0702_8012, Some(("0702_8012", "the printer got no mapping of the file's filaments to its AMS")));
        check(0x0C00_1234, Some(("0C00_1234", "the camera or the lidar reports a problem")));
    }

    #[test]
    fn a_cancelled_print_is_no_fault_of_the_printer() {
        assert_eq!((fault(50_348_044), fault(0x0500_400E)), (None, None));
    }

    #[test]
    fn only_the_worst_of_the_health_list_keeps_prints_away() {
        let fatal = hms_fault(0x0700_2000, 0x0001_0001).unwrap();
        assert_eq!(
            (fatal.code.as_deref(), fatal.text.as_str()),
            (Some("HMS_0700_2000_0001_0001"), "the AMS reports a fatal fault")
        );
        assert!(hms_fault(0x0300_0100, 0x0002_0001).is_some());
        assert_eq!(hms_fault(0x0C00_0100, 0x0003_0001), None);
    }

    #[test]
    fn why_a_print_stands_still_comes_from_the_error_then_from_the_stage() {
        for (error, stage, reason) in [
            (0, Some(16), PauseReason::User),
            (0, None, PauseReason::User),
            (0, Some(6), PauseReason::Runout),
            (0x0300_8004, Some(16), PauseReason::Runout),
            (0x0701_8011, None, PauseReason::Runout),
            (0x0300_8007, None, PauseReason::PowerLoss),
            (0x0300_8001, Some(30), PauseReason::Prompt),
            (0x0300_800F, Some(17), PauseReason::VendorError),
            (0, Some(35), PauseReason::VendorError),
            (0x0300_8013, Some(16), PauseReason::User),
        ] {
            assert_eq!(pause(error, stage), reason, "{error:08X} {stage:?}");
        }
    }
}
