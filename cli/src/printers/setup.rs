//! Setting printers up: drivers, addresses, secrets, models.

use std::io::Read;

use clap::Args;
use contract::ops::printers::{CreatePrinter, EditPrinterOp, TestConnection};
use contract::ops::system::ListDrivers;
use domain::printer::Printer;
use serde_json::{Map, Value, json};

use super::One;
use crate::client::Ask;
use crate::failure::Failure;
use crate::output::quoted;
use crate::session::Session;
use crate::table::{Cell, Table, words};

/// `gantry printers test`.
#[derive(Args)]
pub struct Link {
    /// The driver, one of `gantry printers drivers`.
    #[arg(long)]
    driver: String,
    /// Where the printer is, as the driver says.
    #[arg(long)]
    address: String,
    /// The SHA-256 of its certificate, once you have compared it; only for drivers that ask for it.
    #[arg(long)]
    certificate: Option<String>,
    /// Its serial number; with it the printer is found again when its address changes.
    #[arg(long)]
    serial: Option<String>,
    /// Read the printer's key or access code from standard input.
    #[arg(long)]
    credential: bool,
}

/// `gantry printers add`.
#[derive(Args)]
pub struct Add {
    /// What people call it.
    name: String,
    #[command(flatten)]
    link: Link,
    #[command(flatten)]
    machine: Machine,
    /// A label; may be given several times.
    #[arg(long = "tag")]
    tags: Vec<String>,
}

/// `gantry printers edit`.
#[derive(Args)]
pub struct Edit {
    #[command(flatten)]
    printer: One,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    /// Where it is now.
    #[arg(long)]
    address: Option<String>,
    /// The SHA-256 of its certificate, once you have compared it.
    #[arg(long)]
    certificate: Option<String>,
    /// Its serial number.
    #[arg(long)]
    serial: Option<String>,
    /// The serial number is another since the board was changed: it is still the same machine.
    #[arg(long, requires = "serial")]
    board_changed: bool,
    /// Read a new key or access code from standard input.
    #[arg(long)]
    credential: bool,
    #[command(flatten)]
    machine: Machine,
    /// All its labels anew; may be given several times.
    #[arg(long = "tag")]
    tags: Vec<String>,
}

#[derive(Args)]
struct Machine {
    /// The model's name as slicers write it.
    #[arg(long)]
    model: Option<String>,
    /// Nozzle diameter in mm.
    #[arg(long)]
    nozzle: Option<f64>,
    /// Build volume in mm, such as 250x210x220.
    #[arg(long, value_parser = volume)]
    volume: Option<[f64; 3]>,
}

impl Machine {
    fn json(&self) -> Map<String, Value> {
        let volume = self.volume.map(|[x, y, z]| json!({"x": x, "y": y, "z": z}));
        let fields = [
            ("model", self.model.as_ref().map(|model| json!(model))),
            ("nozzle_mm", self.nozzle.map(|nozzle| json!(nozzle))),
            ("build_volume_mm", volume),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

fn volume(text: &str) -> Result<[f64; 3], String> {
    let sides: Vec<f64> = text.split('x').filter_map(|side| side.trim().parse().ok()).collect();
    <[f64; 3]>::try_from(sides).map_err(|_| "three sides such as 250x210x220".to_owned())
}

/// A printer's secret: from standard input, where no list of processes shows it.
pub(super) fn credential(wanted: bool) -> Result<Option<String>, Failure> {
    if !wanted {
        return Ok(None);
    }
    let mut text = String::new();
    let cannot = |error| Failure::fail(format!("the credential cannot be read: {error}"));
    std::io::stdin().take(10_000).read_to_string(&mut text).map_err(cannot)?;
    Ok(Some(text.trim().to_owned()))
}

impl Link {
    /// Tries it.
    pub async fn test(self, s: &Session) -> Result<(), Failure> {
        let found = s.call::<TestConnection>(Ask::all().body(self.json()?)).await?;
        s.out.answer(&found, |found| format!("Reached: {} ({}).", words(&found["activity"]), words(&found["firmware"])))?;
        for concern in found["concerns"].as_array().into_iter().flatten() {
            s.out.note(&words(concern));
        }
        Ok(())
    }

    fn json(&self) -> Result<Value, Failure> {
        let mut link = json!({"driver": self.driver, "address": self.address});
        if let Some(certificate) = &self.certificate {
            link["certificate"] = certificate.as_str().into();
        }
        if let Some(serial) = &self.serial {
            link["serial"] = serial.as_str().into();
        }
        if let Some(secret) = credential(self.credential)? {
            link["credential"] = secret.into();
        }
        Ok(link)
    }
}

/// `gantry printers drivers`.
pub async fn drivers(s: &Session) -> Result<(), Failure> {
    let drivers = s.call::<ListDrivers>(Ask::all()).await?;
    let row =
        |driver: &Value| ["name", "title", "address_hint", "credential_hint"].map(|field| Cell::of(&driver[field])).to_vec();
    s.out.table(&drivers, |drivers| {
        Table::new(
            &["DRIVER", "FOR", "ADDRESS", "CREDENTIAL"],
            "No drivers.",
            drivers["items"].as_array().into_iter().flatten().map(row),
        )
    })
}

impl Add {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let printer = json!({"name": self.name, "link": self.link.json()?, "machine": self.machine.json(), "tags": self.tags});
        let made = s.call::<CreatePrinter>(Ask::all().body(printer)).await?;
        s.out.answer(&made, |made| format!("{} is added ({}).", words(&made["name"]), words(&made["id"])))?;
        s.out.next(&format!("look at its bed, then `gantry printers clear {}`", quoted(&self.name)));
        Ok(())
    }
}

impl Edit {
    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let id = s.id::<Printer>(&self.printer.printer).await?;
        let mut link = Map::new();
        link.extend(self.address.map(|address| ("address".to_owned(), address.into())));
        link.extend(self.certificate.map(|certificate| ("certificate".to_owned(), certificate.into())));
        link.extend(self.serial.map(|serial| ("serial".to_owned(), serial.into())));
        link.extend(self.board_changed.then(|| ("board_changed".to_owned(), true.into())));
        link.extend(credential(self.credential)?.map(|secret| ("credential".to_owned(), secret.into())));
        let mut change = Map::new();
        change.extend(self.name.map(|name| ("name".to_owned(), name.into())));
        change.extend((!link.is_empty()).then(|| ("link".to_owned(), link.into())));
        change.extend(
            Some(self.machine.json()).filter(|machine| !machine.is_empty()).map(|machine| ("machine".to_owned(), machine.into())),
        );
        change.extend((!self.tags.is_empty()).then(|| ("tags".to_owned(), self.tags.into())));
        if change.is_empty() {
            return Err(Failure::usage("nothing is named that should change").hint("See `gantry printers edit --help`."));
        }
        let printer = s.call::<EditPrinterOp>(Ask::of(id).body(change.into())).await?;
        s.out.answer(&printer, |printer| format!("{} is changed.", words(&printer["name"])))
    }
}
