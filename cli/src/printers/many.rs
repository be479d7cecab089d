//! More than one printer at a time: found on the network, added like another one, or out of a table.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use contract::ops::print_objects::{ListPrintObjects, SkipObject};
use contract::ops::printer_setup::{ClonePrinter, ImportPrinters, ScanPrinters};
use domain::printer::Printer;
use serde_json::{Value, json};

use super::setup::credential;
use crate::client::Ask;
use crate::failure::Failure;
use crate::output::quoted;
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry printers scan`.
#[derive(Args)]
pub struct Scan {
    /// An address or a small network to ask besides, such as 192.168.1.0/24; may be given several times.
    #[arg(long = "address")]
    addresses: Vec<String>,
}

/// `gantry printers clone`.
#[derive(Args)]
pub struct CloneLike {
    /// The printer that it is like: name or id.
    printer: String,
    /// What people call the new one.
    name: String,
    /// Where the new one is.
    #[arg(long)]
    address: String,
    /// Its serial number.
    #[arg(long)]
    serial: Option<String>,
    /// Read its key or access code from standard input.
    #[arg(long)]
    credential: bool,
}

/// `gantry printers import`.
#[derive(Args)]
pub struct Import {
    /// The table; - for standard input. Its head names the columns: name, driver, address, and as far as you have them serial,
    /// credential, model, nozzle_mm, build_volume_mm, plate_type, tags, external_id.
    file: PathBuf,
    /// Say what would happen, and add none.
    #[arg(long)]
    dry_run: bool,
}

impl Scan {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let found = s.call::<ScanPrinters>(Ask::all().body(json!({"addresses": self.addresses}))).await?;
        let row = |item: &Value| {
            let fields = ["driver", "address", "name", "model", "serial", "still_needed"];
            let mut cells = fields.map(|field| Cell::of(&item[field])).to_vec();
            let added = item["printer_id"].as_str();
            cells.push(Cell::text(match (added, item["moved"] == true) {
                (None, _) => String::new(),
                (Some(id), false) => id.to_owned(),
                (Some(id), true) => format!("{id}, at another address"),
            }));
            cells
        };
        s.out.table(&found, |found| {
            Table::new(
                &["DRIVER", "ADDRESS", "NAME", "MODEL", "SERIAL", "STILL NEEDED", "ADDED AS"],
                "No printers were found.",
                found["items"].as_array().into_iter().flatten().map(row),
            )
        })?;
        let items = found["items"].as_array().into_iter().flatten();
        let advice = items.filter_map(|item| Some(format!("{}: {}", words(&item["address"]), item["advice"].as_str()?)));
        let hindrances = found["hindrances"].as_array().into_iter().flatten().map(words);
        advice.chain(hindrances).for_each(|text| s.out.note(&text));
        Ok(())
    }
}

impl CloneLike {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let id = s.id::<Printer>(&self.printer).await?;
        let mut body = json!({"name": self.name, "address": self.address});
        if let Some(serial) = self.serial {
            body["serial"] = serial.into();
        }
        if let Some(secret) = credential(self.credential)? {
            body["credential"] = secret.into();
        }
        let made = s.call::<ClonePrinter>(Ask::of(id).body(body)).await?;
        s.out.answer(&made, |made| format!("{} is added ({}).", words(&made["name"]), words(&made["id"])))?;
        s.out.next(&format!("look at its bed, then `gantry printers clear {}`", quoted(&self.name)));
        Ok(())
    }
}

impl Import {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let unreadable = |error: std::io::Error| Failure::fail(format!("{} cannot be read: {error}", self.file.display()));
        let mut csv = String::new();
        if self.file.as_os_str() == "-" {
            std::io::stdin().take(2_000_000).read_to_string(&mut csv).map_err(unreadable)?;
        } else {
            csv = std::fs::read_to_string(&self.file).map_err(unreadable)?;
        }
        let made = s.call::<ImportPrinters>(Ask::all().body(json!({"csv": csv})).dry_run(self.dry_run)).await?;
        let row =
            |printer: &Value| vec![Cell::of(&printer["name"]), Cell::of(&printer["link"]["address"]), Cell::id(&printer["id"])];
        s.out.table(&made, |made| {
            Table::new(&["NAME", "ADDRESS", "ID"], "No printers.", made["items"].as_array().into_iter().flatten().map(row))
        })?;
        s.out.note(if self.dry_run { "Nothing was added: this was a try." } else { "Look at their beds, then clear them." });
        Ok(())
    }
}

/// `gantry printers skip`.
#[derive(Args)]
pub struct Skip {
    /// Name or id of the printer.
    printer: String,
    /// The thing, as `gantry printers objects` tells it.
    object: String,
}

/// `gantry printers objects`.
pub async fn objects(s: &Session, printer: &str) -> Result<(), Failure> {
    let id = s.id::<Printer>(printer).await?;
    let told = s.call::<ListPrintObjects>(Ask::of(id)).await?;
    let row = |object: &Value| {
        let state = match (object["skipped"] == true, object["printing"] == true) {
            (true, _) => "left out",
            (false, true) => "printing",
            (false, false) => "",
        };
        vec![Cell::of(&object["id"]), Cell::of(&object["name"]), Cell::text(state)]
    };
    s.out.table(&told, |told| {
        Table::new(
            &["OBJECT", "NAME", "STATE"],
            "It tells of no parts of a print.",
            told["items"].as_array().into_iter().flatten().map(row),
        )
    })
}

impl Skip {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        s.out.confirm(&format!("Leave {} out of the print on {}? It cannot be taken back.", self.object, self.printer))?;
        let id = s.id::<Printer>(&self.printer).await?;
        let command = s.call::<SkipObject>(Ask::of(id).body(json!({"object": self.object}))).await?;
        s.out.answer(&command, |command| format!("{}: {}", self.object, words(&command["state"])))
    }
}
