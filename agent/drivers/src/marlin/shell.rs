//! Carries out what the core wants: a task that waits for the farm and the line, whose io is done by a thread of its
//! own. If the farm is slow the task waits for it; the line does not.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::core::Core;
use super::gcode::Look;
use super::requests::{Ask, Wire};
use super::{Device, port};
use crate::contract::{Content, LinkProblem, SendProblem};
use crate::drive::{self, Shell};
use crate::{Blobs, Connection, Outside};

/// Files have no lines so long.
const MAX_FILE_LINE_BYTES: u64 = 1024 * 1024;

/// Starts task and thread. They end when the connection is dropped.
pub(super) fn drive(core: Core, device: Device, outside: Outside) -> Result<Connection, LinkProblem> {
    let (asks, asked) = mpsc::unbounded_channel();
    let (came, wires) = mpsc::channel(port::WIRES_WAITING);
    let needs = port::Needs {
        path: device.path,
        baud: device.baud,
        blobs: Arc::clone(&outside.blobs),
        now: Arc::clone(&outside.now),
        asks: asked,
        wires: came.clone(),
    };
    port::start(needs).map_err(|error| LinkProblem::BadSetting { setting: "address", detail: error.to_string() })?;
    let line = Line { asks, blobs: Arc::clone(&outside.blobs), came };
    Ok(drive::drive(core, line, wires, outside))
}

/// What leads to the thread that has the line.
struct Line {
    asks: mpsc::UnboundedSender<Ask>,
    blobs: Arc<dyn Blobs>,
    came: mpsc::Sender<Wire>,
}

impl Shell for Line {
    type Wire = Wire;
    type Ask = Ask;
    type Came = Wire;

    fn carry_out(&mut self, ask: Ask) -> ControlFlow<()> {
        if let Ask::Look(content) = ask {
            look(content, &self.blobs, self.came.clone());
            return ControlFlow::Continue(());
        }
        // Its thread is gone, and the board with it.
        self.asks.send(ask).map_or(ControlFlow::Break(()), ControlFlow::Continue)
    }

    fn belongs(&mut self, came: Wire) -> Option<Wire> {
        Some(came)
    }
}

/// Looks a file through, beside everything else.
fn look(content: Content, blobs: &Arc<dyn Blobs>, came: mpsc::Sender<Wire>) {
    let path = blobs.path(&content.sha256);
    tokio::task::spawn_blocking(move || {
        let missing = || Err((SendProblem::ContentMissing, "the file's bytes are not here".to_owned()));
        let found = path.map_or_else(missing, |path| looked_through(&path));
        // Nobody listens when the printer was given up.
        let _ = came.blocking_send(Wire::Looked(content.sha256, found));
    });
}

fn looked_through(path: &Path) -> Result<Look, (SendProblem, String)> {
    let unreadable = |error: std::io::Error| (SendProblem::Link, format!("the file cannot be read: {error}"));
    let mut file = BufReader::with_capacity(256 * 1024, File::open(path).map_err(unreadable)?);
    let (mut look, mut line) = (Look::default(), Vec::new());
    loop {
        line.clear();
        let count = file.by_ref().take(MAX_FILE_LINE_BYTES).read_until(b'\n', &mut line).map_err(unreadable)?;
        if count == 0 || look.is_binary {
            return Ok(look);
        }
        look.pass(&line);
    }
}
