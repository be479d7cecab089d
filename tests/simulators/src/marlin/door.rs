//! What goes into a simulated board and what comes out.

use super::settings::Faults;

/// What happens to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A host opened its line.
    Opened,
    /// The host let it go.
    Closed,
    /// Bytes came.
    Bytes(Vec<u8>),
    /// Somebody does something at the machine.
    Person(Person),
    /// These faults hold from now on.
    Faults(Faults),
    /// Power is away for so long.
    PowerCut {
        /// Milliseconds.
        off_ms: u64,
    },
    /// Time has passed.
    Wake,
}

/// What it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Says this.
    Bytes(Vec<u8>),
    /// Its line is gone.
    Unplugged,
    /// It is there again.
    Plugged,
}

/// What a person does at the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// Pause the host's print, at its display.
    Pause,
    /// Let it go on.
    Resume,
    /// End it.
    Cancel,
    /// The spool runs empty.
    Runout,
    /// Press the button that the machine waits for.
    Click,
    /// Print a file from the card.
    PrintFromCard(String),
    /// Press reset.
    Reset,
    /// Pull the USB cable.
    Unplug,
    /// Put it back.
    Plug,
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// How often it came up.
    pub boots: u64,
    /// Lines that were taken into its queue.
    pub taken: u64,
    /// Lines that it wanted again.
    pub resends: u64,
    /// Bytes for which it had no room.
    pub overflown: u64,
    /// `ok`s that did not leave.
    pub lost_oks: u64,
    /// Homings: prints begin with one.
    pub homings: u64,
    /// Moves that were made to their end.
    pub moves: u64,
}
