//! What keeps a printer from every job, whatever the job asks. Only a printer that is heard, idle,
//! clear, in service, set up and ours stands ready.

use std::collections::{BTreeMap, BTreeSet};

use domain::bed::Bed;
use domain::printer::{Activity, Admin, Config, Connection, Control};
use domain::waiting::PrinterReason;

use crate::bits::Bits;
use crate::snapshot::PrinterFacts;

/// Which printers have which of these reasons.
#[derive(Debug)]
pub(crate) struct Standing {
    printers: usize,
    with: BTreeMap<PrinterReason, Bits>,
    any: Bits,
}

impl Standing {
    pub(crate) fn new(printers: &[PrinterFacts]) -> Self {
        let len = printers.len();
        let mut standing = Self { printers: len, with: BTreeMap::new(), any: Bits::none(len) };
        for (place, printer) in printers.iter().enumerate() {
            standing.change(place, printer);
        }
        standing
    }

    pub(crate) fn change(&mut self, place: usize, printer: &PrinterFacts) {
        let reasons = reasons(printer);
        for bits in self.with.values_mut() {
            bits.set(place, false);
        }
        for reason in &reasons {
            self.with.entry(*reason).or_insert_with(|| Bits::none(self.printers)).set(place, true);
        }
        self.any.set(place, !reasons.is_empty());
    }

    /// Printers with any reason.
    pub(crate) fn any(&self) -> &Bits {
        &self.any
    }

    /// Printers with this reason.
    pub(crate) fn with(&self, reason: PrinterReason) -> Option<&Bits> {
        self.with.get(&reason)
    }

    /// The reasons of one printer.
    pub(crate) fn of(&self, place: usize) -> Vec<PrinterReason> {
        self.with.iter().filter(|(_, printers)| printers.has(place)).map(|(reason, _)| *reason).collect()
    }
}

fn reasons(printer: &PrinterFacts) -> BTreeSet<PrinterReason> {
    let admin = match printer.admin {
        Admin::Enabled => None,
        Admin::Disabled => Some(PrinterReason::Disabled),
        Admin::Maintenance => Some(PrinterReason::Maintenance),
        Admin::Quarantined => Some(PrinterReason::Quarantined),
    };
    let connection = match printer.connection {
        Connection::Online => None,
        Connection::Stale => Some(PrinterReason::Stale),
        Connection::Offline | Connection::Unknown => Some(PrinterReason::Offline),
    };
    let activity = match printer.activity {
        Activity::Idle | Activity::Finished => None,
        Activity::Attention => Some(PrinterReason::NeedsPerson),
        Activity::Error => Some(PrinterReason::PrinterError),
        Activity::Busy | Activity::Preparing | Activity::Printing | Activity::Paused => {
            (!printer.foreign).then_some(PrinterReason::Busy)
        }
    };
    let claim = match (printer.outcome_unknown, printer.claimed) {
        (true, _) => Some(PrinterReason::PrinterUnknown),
        (false, true) => Some(PrinterReason::Busy),
        (false, false) => None,
    };
    let incomplete = match printer.config {
        Config::Ok => !printer.machine.missing().is_empty(),
        Config::Incomplete => true,
    };
    let denied = match printer.control {
        Control::Ok => false,
        Control::Denied => true,
    };
    let bed_not_clear = match printer.bed {
        Bed::Clear => false,
        Bed::NeedsClear | Bed::Unknown => true,
    };
    [
        admin,
        connection,
        activity,
        claim,
        printer.foreign.then_some(PrinterReason::ForeignPrint),
        printer.fault.then_some(PrinterReason::PrinterError),
        incomplete.then_some(PrinterReason::ConfigIncomplete),
        denied.then_some(PrinterReason::ControlDenied),
        bed_not_clear.then_some(PrinterReason::BedNotClear),
    ]
    .into_iter()
    .flatten()
    .collect()
}
