//! states.md: every state against every event. The real transition functions are run, so the page cannot say more or less than they
//! do.

use domain::attempt::{AttemptEvent, AttemptState};
use domain::command::CommandState;
use domain::id::{AttemptId, Id, PrinterId};
use domain::job::{JobEvent, JobState, Run};
use domain::state::{Phase, StateWord};
use domain::time::Timestamp;

use super::table::{code, head, table, word};

pub fn page() -> String {
    [
        head("States", "An empty cell is a move that is refused with `illegal_state`."),
        "\n## A job\n".to_owned(),
        jobs(),
        "\n`follow_active` and `follow_done` are the moves of its attempt: a job on a printer has no will of its own.\n"
            .to_owned(),
        "\n## An attempt\n".to_owned(),
        attempts(),
        "\n## A command\n".to_owned(),
        commands(),
        "\n## Phases\n".to_owned(),
        phases(),
    ]
    .concat()
}

fn jobs() -> String {
    let time = Timestamp::from_millis(0);
    let run = Run { attempt_id: AttemptId::new(time, [0; 10]), printer_id: PrinterId::new(time, [0; 10]) };
    let events = JobEvent::samples(run);
    let next = |state: JobState, event: JobEvent| match event {
        // A followed job is where its attempt is, whichever state that be.
        JobEvent::Follow(_) => state.after(event).map(|_| "as the attempt".to_owned()),
        JobEvent::Hold(_)
        | JobEvent::Release
        | JobEvent::Approve
        | JobEvent::Assign(_)
        | JobEvent::CancelWaiting
        | JobEvent::Requeue => state.after(event).map(|after| code(after.word().name())),
    };
    let row = |state: JobState| {
        let cells = events.iter().map(|event| next(state, *event).unwrap_or_default());
        std::iter::once(code(state.word().name())).chain(cells).collect()
    };
    let titles: Vec<&str> = std::iter::once("state").chain(events.iter().map(|event| event.word())).collect();
    table(&titles, JobState::samples(run).into_iter().map(row))
}

fn attempts() -> String {
    let row = |state: &AttemptState| {
        let cells =
            AttemptEvent::SAMPLES.iter().map(|event| state.after(*event).map(|after| code(after.word())).unwrap_or_default());
        std::iter::once(code(state.word())).chain(cells).collect()
    };
    let titles: Vec<&str> = std::iter::once("state").chain(AttemptEvent::SAMPLES.iter().map(|event| event.word())).collect();
    table(&titles, AttemptState::SAMPLES.iter().map(row))
}

fn commands() -> String {
    let row = |from: &CommandState| {
        let cells = CommandState::ALL.iter().map(|to| if from.to(*to).is_ok() { "✓" } else { "" }.to_owned());
        std::iter::once(code(from.word())).chain(cells).collect()
    };
    let titles: Vec<&str> = std::iter::once("from \\ to").chain(CommandState::ALL.iter().map(|state| state.word())).collect();
    table(&titles, CommandState::ALL.iter().map(row))
}

fn phases() -> String {
    let of = |phase: Phase| {
        let words: Vec<String> =
            StateWord::ALL.iter().filter(|word| word.phase() == phase).map(|word| code(word.name())).collect();
        vec![code(word(phase)), words.join(", ")]
    };
    table(&["phase", "states"], [Phase::Waiting, Phase::Active, Phase::Done].map(of))
}
