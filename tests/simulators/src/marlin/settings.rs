//! What a simulated board is and what is wrong with it today. Faults are data, so that a test and a demo switch them in the same way.

/// How one simulated board is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many times faster than life it heats, homes and moves.
    pub speed: u32,
    /// How fast the nozzle and the bed climb.
    pub degrees_per_second: u32,
    /// To open its line resets it, as on most boards.
    pub resets_on_open: bool,
    /// How long it takes to come up.
    pub boot_ms: u64,
    /// Commands that it queues.
    pub queue_lines: usize,
    /// Moves that it plans ahead.
    pub planned_moves: usize,
    /// Its `ok` tells number and room.
    pub advanced_ok: bool,
    /// M108, M112, M410 and M876 act at once.
    pub emergency_parser: bool,
    /// It tells temperatures by itself (M155).
    pub reports_temperatures: bool,
    /// It says `busy` while a command blocks.
    pub says_busy: bool,
    /// It shows questions through its host.
    pub has_prompts: bool,
    /// It has a card with these files: name and seconds that they take.
    pub card: Option<Vec<(String, u64)>>,
    /// All that it takes is kept.
    pub keeps_program: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            speed: 1,
            degrees_per_second: 10,
            resets_on_open: true,
            boot_ms: 300,
            queue_lines: 4,
            planned_moves: 16,
            advanced_ok: true,
            emergency_parser: true,
            reports_temperatures: true,
            says_busy: true,
            has_prompts: true,
            card: Some(vec![("BENCHY~1.GCO".to_owned(), 600)]),
            keeps_program: true,
        }
    }
}

/// What is wrong. The default is a healthy board on a clean line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Every so many lines one arrives with a wrong letter.
    pub garble_every: Option<u64>,
    /// Every so many lines one does not arrive.
    pub lose_every: Option<u64>,
    /// Every so many `ok`s one does not leave.
    pub lose_ok_every: Option<u64>,
    /// Every so many `ok`s comes with bytes that are no text around it.
    pub noise_every: Option<u64>,
    /// A wish to have a line again comes without an `ok` behind it, as from old firmware.
    pub resends_without_ok: bool,
    /// Nothing is taken or said.
    pub silent: bool,
    /// Each `ok` leaves so much later.
    pub slow_ms: Option<u64>,
    /// After so many lines it resets.
    pub reset_after: Option<u64>,
    /// After so many lines its heater fails, and it stops.
    pub halt_after: Option<u64>,
}
