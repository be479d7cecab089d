//! Printers out of a table: what each column means, and every mistake with its line.

use std::collections::BTreeMap;

use contract::ops::printers::{NewLink, NewPrinter};
use contract::problem::{Code, FieldError, Problem};
use domain::printer::{Machine, Size};
use domain::secret::Secret;
use domain::text::Metadata;

use crate::csv::{self, Line};

/// So many printers are added at once.
const MOST: usize = 200;

const NEEDED: [&str; 3] = ["name", "driver", "address"];
const COLUMNS: [&str; 11] = [
    "name",
    "driver",
    "address",
    "serial",
    "credential",
    "model",
    "nozzle_mm",
    "build_volume_mm",
    "plate_type",
    "tags",
    "external_id",
];

/// A printer of the table, and its line.
pub struct Row {
    /// From 1, as editors count.
    pub line: usize,
    /// The printer.
    pub printer: NewPrinter,
}

/// What is wrong with a cell, in words that never repeat a credential.
pub fn mistake(line: usize, column: &str, detail: impl std::fmt::Display) -> FieldError {
    let detail: String = format!("line {line}, {column}: {detail}").chars().take(300).collect();
    FieldError { pointer: format!("/csv/{line}/{column}"), code: "invalid".to_owned(), detail }
}

/// The refusal with all mistakes.
pub fn refused(errors: Vec<FieldError>) -> Problem {
    let more = errors.len().saturating_sub(1);
    let first = errors.first().map(|error| error.detail.clone()).unwrap_or_default();
    let others = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    let mut problem = Problem::new(Code::InvalidRequest).detail(format!("no printer was added: {first}{others}"));
    problem.errors = errors;
    problem
}

/// Reads the table.
///
/// # Errors
/// Every mistake in it.
pub fn read(text: &str) -> Result<Vec<Row>, Vec<FieldError>> {
    let lines = csv::read(text).map_err(|bad| vec![mistake(bad.line, "row", bad.why)])?;
    let Some((head, lines)) = lines.split_first() else {
        return Err(vec![mistake(1, "head", format!("the table is empty; its head names the columns {}", COLUMNS.join(", ")))]);
    };
    let columns = columns(head)?;
    if lines.is_empty() {
        return Err(vec![mistake(head.number, "head", "there is no printer below the head")]);
    }
    if lines.len() > MOST {
        return Err(vec![mistake(
            head.number,
            "head",
            format!("at most {MOST} printers are added at once, not {}", lines.len()),
        )]);
    }
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    let mut places: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in lines {
        let mut cells = Cells { line, columns: &columns, errors: &mut errors };
        let Some(printer) = cells.printer() else { continue };
        let place = (printer.link.driver.clone(), printer.link.address.trim_end_matches('/').to_owned());
        if let Some(other) = places.insert(place, line.number) {
            errors.push(mistake(line.number, "address", format!("line {other} has it too")));
        }
        rows.push(Row { line: line.number, printer });
    }
    if errors.is_empty() { Ok(rows) } else { Err(errors) }
}

fn columns(head: &Line) -> Result<Vec<&'static str>, Vec<FieldError>> {
    let known = |cell: &String| {
        let cell = cell.to_lowercase().replace([' ', '-'], "_");
        COLUMNS.into_iter().find(|column| *column == cell)
    };
    let mut errors: Vec<FieldError> = head
        .cells
        .iter()
        .filter(|cell| known(cell).is_none())
        .map(|cell| mistake(head.number, "head", format!("there is no column `{cell}`; there are {}", COLUMNS.join(", "))))
        .collect();
    let columns: Vec<&'static str> = head.cells.iter().filter_map(known).collect();
    for (at, column) in columns.iter().enumerate() {
        if columns.iter().take(at).any(|earlier| earlier == column) {
            errors.push(mistake(head.number, "head", format!("the column `{column}` is there twice")));
        }
    }
    for needed in NEEDED.into_iter().filter(|needed| !columns.contains(needed)) {
        errors.push(mistake(head.number, "head", format!("the column `{needed}` is missing")));
    }
    if errors.is_empty() { Ok(columns) } else { Err(errors) }
}

struct Cells<'a> {
    line: &'a Line,
    columns: &'a [&'static str],
    errors: &'a mut Vec<FieldError>,
}

impl Cells<'_> {
    /// The printer of this row; none if something in it is wrong.
    fn printer(&mut self) -> Option<NewPrinter> {
        if self.line.cells.len() > self.columns.len() {
            self.errors.push(mistake(self.line.number, "row", "it has more cells than the head"));
            return None;
        }
        let before = self.errors.len();
        let name = self.needed("name").and_then(|text| self.parsed("name", &text));
        let (driver, address) = (self.needed("driver"), self.needed("address"));
        let serial = self.given("serial").and_then(|text| self.parsed("serial", &text));
        let machine = Machine {
            model: self.given("model"),
            nozzle_mm: self.given("nozzle_mm").and_then(|text| self.millimetres("nozzle_mm", &text)),
            build_volume_mm: self.given("build_volume_mm").and_then(|text| self.volume(&text)),
            plate_type: self.given("plate_type"),
        };
        let tags = self.given("tags").unwrap_or_default();
        let tags = tags.split([' ', ',', ';']).filter(|tag| !tag.is_empty());
        let tags = tags.filter_map(|tag| self.parsed("tags", tag)).collect();
        let external_id = self.given("external_id").and_then(|text| self.parsed("external_id", &text));
        let credential = self.given("credential").map(Secret::new);
        if self.errors.len() > before {
            return None;
        }
        let link = NewLink { driver: driver?, address: address?, serial, certificate: None, credential };
        Some(NewPrinter { name: name?, link, machine, tags, loaded: Vec::new(), external_id, metadata: Metadata::default() })
    }

    fn wrong(&mut self, column: &str, detail: impl std::fmt::Display) {
        self.errors.push(mistake(self.line.number, column, detail));
    }

    fn given(&self, column: &str) -> Option<String> {
        let at = self.columns.iter().position(|known| *known == column)?;
        self.line.cells.get(at).filter(|cell| !cell.is_empty()).cloned()
    }

    fn needed(&mut self, column: &str) -> Option<String> {
        let cell = self.given(column);
        if cell.is_none() {
            self.wrong(column, "it is missing");
        }
        cell
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, column: &str, text: &str) -> Option<T> {
        text.parse().map_err(|why: T::Err| self.wrong(column, why)).ok()
    }

    /// A decimal comma is what spreadsheets of half the world write.
    fn millimetres(&mut self, column: &str, text: &str) -> Option<f64> {
        let number = text.replace(',', ".").parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
        if number.is_none() {
            self.wrong(column, format!("`{text}` is no length in mm, such as 0.4"));
        }
        number
    }

    fn volume(&mut self, text: &str) -> Option<Size> {
        let sides: Vec<f64> = text.split(['x', 'X', '×']).filter_map(|side| side.trim().replace(',', ".").parse().ok()).collect();
        match sides.as_slice() {
            [x, y, z] if sides.iter().all(|side| side.is_finite() && *side > 0.0) => Some(Size { x: *x, y: *y, z: *z }),
            _ => {
                self.wrong("build_volume_mm", format!("`{text}` is no volume, such as 250x210x220"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(text: &str) -> Vec<String> {
        read(text).err().unwrap_or_default().into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_row_becomes_a_printer_with_everything_that_it_says() {
        let table = "Name;Driver;Address;Serial;Model;Nozzle mm;build-volume-mm;tags;credential\nP1;test;http://a;SN1;MK4;0,4;250x210x220;rack-a pla;s3cret\n";
        let rows = read(table).unwrap_or_default();
        let [Row { line: 2, printer }] = rows.as_slice() else { panic!("one row on line 2") };
        assert_eq!((printer.name.as_str(), printer.link.address.as_str()), ("P1", "http://a"));
        assert_eq!(printer.link.serial.as_ref().map(ToString::to_string).as_deref(), Some("SN1"));
        assert_eq!(printer.machine.nozzle_mm, Some(0.4));
        assert_eq!(printer.machine.build_volume_mm.map(|size| size.y), Some(210.0));
        assert_eq!(printer.tags.len(), 2);
    }

    #[test]
    fn every_mistake_is_told_with_its_line_and_column() {
        let head = "name,driver,address,nozzle_mm,build_volume_mm,tags,serial\n";
        let table = format!("{head}P1,test,http://a,0.4,,,\n,test,,thick,1x2,Rack,a b\nP3,test,http://a/,,,,\n");
        let expected = [
            "/csv/3/name",
            "/csv/3/address",
            "/csv/3/serial",
            "/csv/3/nozzle_mm",
            "/csv/3/build_volume_mm",
            "/csv/3/tags",
            "/csv/4/address",
        ];
        assert_eq!(pointers(&table), expected);
        assert_eq!(pointers("name,driver\nP1,test"), ["/csv/1/head"]);
        assert_eq!(pointers("name,driver,address,colour,name\n"), ["/csv/1/head", "/csv/1/head"]);
        assert_eq!(pointers("name,driver,address\n"), ["/csv/1/head"]);
        assert_eq!(pointers(""), ["/csv/1/head"]);
        assert_eq!(pointers("name,driver,address\nP1,test,a,more"), ["/csv/2/row"]);
        assert_eq!(pointers("name,driver,address\n\"P1,test,a"), ["/csv/2/row"]);
        let many: String = (0..201).map(|at| format!("P,test,http://{at}\n")).collect();
        assert_eq!(pointers(&format!("name,driver,address\n{many}")), ["/csv/1/head"]);
    }
}
