//! Reads a sliced file once, in pieces of any size, and tells what is in it. Hands every line to those who
//! look for something in it; knows no dialect and no machine itself.

use domain::sliced::{FileName, Sliced};

use crate::command::Command;
use crate::dialect::{self, LayerMark, Mark, Told};
use crate::hazards::Hazards;
use crate::heat::Heat;
use crate::lines::{Line, Lines};
use crate::machine::Machine;
use crate::pictures::Pictures;
use crate::refusal::{Found, Head, Refusal};
use crate::survey::Survey;

/// Reads one file: make it, feed it all bytes in order, finish it.
pub struct Reader {
    file: FileName,
    head: Head,
    lines: Lines,
    scan: Scan,
}

/// Everything that looks at lines.
#[derive(Default)]
struct Scan {
    told: Told,
    pictures: Pictures,
    hazards: Hazards,
    heat: Heat,
    machine: Machine,
    survey: Survey,
    commands: bool,
}

impl Reader {
    /// A reader for the file of that name; the name only serves to tell which file was refused.
    pub fn new(file: FileName) -> Self {
        Self { file, head: Head::default(), lines: Lines::default(), scan: Scan::default() }
    }

    /// The next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.head.feed(bytes);
        if self.head.certainly().is_none() {
            self.lines.feed(bytes, |line| self.scan.line(&line));
        }
    }

    /// What was in the file.
    pub fn finish(mut self) -> Result<Sliced, Refusal> {
        let file = self.file;
        if self.head.is_empty() {
            return Err(Refusal::Empty { file });
        }
        if let Some(found) = self.head.certainly() {
            return Err(Refusal::NotGcode { file, found });
        }
        self.lines.finish(|line| self.scan.line(&line));
        if self.scan.survey.moved() {
            return Ok(self.scan.finish());
        }
        let found = self.head.probably();
        if found == Found::Binary || !self.scan.commands {
            return Err(Refusal::NotGcode { file, found });
        }
        Err(Refusal::NoMoves { file })
    }
}

impl Scan {
    fn line(&mut self, line: &Line<'_>) {
        self.hazards.inspect(line);
        let mut text = line.text;
        if line.number == 1 {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        let text = text.trim_ascii();
        if let Some(comment) = text.strip_prefix(b";") {
            self.comment(comment.trim_ascii_start(), line);
        } else {
            self.command(text, line.number);
        }
    }

    fn comment(&mut self, comment: &[u8], line: &Line<'_>) {
        if self.pictures.read(comment, line) {
            return;
        }
        match dialect::mark(comment) {
            Some(Mark::Layer(mark)) => self.layer(mark),
            Some(Mark::OuterWall(outer)) => self.survey.outer_wall(outer),
            None => self.told.read(comment),
        }
    }

    fn layer(&mut self, mark: LayerMark) {
        if self.told.layer_begins(mark) {
            self.heat.first_layer_begins();
            self.survey.first_layer_begins();
        }
    }

    fn command(&mut self, text: &[u8], line: u64) {
        let Some(command) = Command::parse(text) else { return };
        self.pictures.interrupt();
        self.hazards.judge(&command, line);
        match command {
            Command::Code(code) => {
                self.commands = true;
                self.heat.obey(&code);
                if let Some(step) = self.machine.obey(&code) {
                    self.survey.follow(&step);
                }
            }
            Command::Word(_) => {}
        }
    }

    fn finish(self) -> Sliced {
        let (layer_height_mm, layer_count) = (self.told.layer_height_mm(), self.told.layer_count());
        let nozzles = self.told.nozzle_diameters_mm;
        Sliced {
            slicer: self.told.slicer,
            printer_model: self.told.printer_model,
            nozzle_diameters_mm: nozzles.into_iter().map_while(|mm| mm.filter(|mm| *mm > 0.0)).collect(),
            filaments: self.told.filaments.finish(self.survey.tools()),
            estimated_seconds: self.told.estimated_seconds,
            layer_height_mm,
            layer_count,
            temperatures: self.heat.finish(),
            bounds: self.survey.bounds(),
            thumbnails: self.pictures.finish(),
            outline: self.survey.outline(),
            warnings: self.hazards.finish(),
        }
    }
}
