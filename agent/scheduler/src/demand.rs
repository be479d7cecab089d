//! What a job asks of a printer, one demand for each reason to refuse it, and whether a printer meets it.
//! Texts are brought into one spelling and numbers into whole units once, so that equal demands are
//! equal values. What is not known on either side is not checked.
//!
//! Filaments are compared position by position: a file's tools are baked into it. Only where a start says which
//! filament comes from which position, any position will do, and one may serve several.

use std::collections::{BTreeMap, BTreeSet};

use domain::printer::{Loaded, Size};
use domain::text::Tag;
use domain::waiting::PrinterReason;

use crate::snapshot::{Aim, JobFacts, PrinterFacts};

/// Nozzles and sizes that differ by no more are the same.
const TOLERANCE_MICROMETRES: i64 = 10;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Demand {
    Aim(Aim),
    /// One of these; none of them fits a file that names no model and is aimed nowhere.
    Models(BTreeSet<Word>),
    NozzleMicrometres(i64),
    Plate(Word),
    SizeMicrometres([i64; 3]),
    Slots(usize),
    Materials(Vec<Filament>),
    /// Of those that are the right material.
    Colours(Vec<Filament>),
    /// Of those that are the right material in the right colour.
    Grams(Vec<Filament>),
    FileBytes(u64),
}

/// All that a job asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ask {
    pub(crate) demands: Vec<Demand>,
    filaments: Vec<Filament>,
}

/// A filament that is asked for or loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Filament {
    material: Option<Word>,
    colour: Option<Word>,
    milligrams: Option<i64>,
}

/// A printer as demands see it.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    id: domain::id::PrinterId,
    tags: BTreeSet<Tag>,
    model: Option<Word>,
    nozzle_micrometres: Option<i64>,
    plate: Option<Word>,
    volume_micrometres: Option<[i64; 3]>,
    loaded: Vec<Filament>,
    last_loaded: Vec<Filament>,
    chooses: bool,
    free_bytes: Option<u64>,
}

/// What a printer that meets a demand would still cost; less is better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Effort {
    /// Filaments that are not known to be in their place.
    material_changes: usize,
    /// Whether it is not known that the filament lasts.
    may_run_out: bool,
}

/// A spelling, as a number that compares at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word(usize);

/// Every spelling that was met.
#[derive(Debug, Default)]
pub(crate) struct Words(BTreeMap<String, Word>);

impl Words {
    /// Case, spaces, `-` and `_` say nothing: `MK4-S`, `mk4 s` and `MK4S` are one name.
    fn name(&mut self, text: &str) -> Word {
        self.word(text.chars().filter(|c| !c.is_whitespace() && !"-_".contains(*c)).flat_map(char::to_lowercase).collect())
    }

    fn material(&mut self, text: &str) -> Word {
        self.word(text.trim().to_lowercase())
    }

    /// `#RRGGBB`; an alpha, which some printers add, says nothing.
    fn colour(&mut self, text: &str) -> Word {
        let hex = text.trim().trim_start_matches('#').to_lowercase();
        let opaque = if hex.len() == 8 { hex.get(..6).unwrap_or(&hex).to_owned() } else { hex };
        self.word(opaque)
    }

    fn word(&mut self, spelling: String) -> Word {
        let next = Word(self.0.len());
        *self.0.entry(spelling).or_insert(next)
    }

    pub(crate) fn filament(&mut self, material: Option<&str>, colour: Option<&str>, grams: Option<f64>) -> Filament {
        Filament {
            material: material.map(|text| self.material(text)),
            colour: colour.map(|text| self.colour(text)),
            milligrams: grams.map(thousandths),
        }
    }

    pub(crate) fn loaded(&mut self, loaded: &[Loaded]) -> Vec<Filament> {
        loaded.iter().map(|spool| self.filament(spool.material.as_deref(), spool.colour.as_deref(), spool.grams)).collect()
    }
}

impl Ask {
    pub(crate) fn new(job: &JobFacts, words: &mut Words) -> Self {
        let needs = &job.needs;
        let models: BTreeSet<_> = needs.models.iter().map(|model| words.name(model)).collect();
        let filaments: Vec<_> = needs
            .materials
            .iter()
            .map(|need| words.filament(need.material.as_deref(), need.colour.as_deref(), need.grams))
            .collect();
        let of_material = |filament: &Filament| Filament { material: filament.material, ..Filament::default() };
        let of_colour = |filament: &Filament| Filament { colour: filament.colour, ..of_material(filament) };
        let any = |asks: fn(&Filament) -> bool| filaments.iter().any(asks);
        let demands = [
            (!job.aim.is_any()).then(|| Demand::Aim(job.aim.clone())),
            (!models.is_empty() || job.aim.is_any()).then_some(Demand::Models(models)),
            needs.nozzle_mm.map(|mm| Demand::NozzleMicrometres(thousandths(mm))),
            needs.plate_type.as_deref().map(|plate| Demand::Plate(words.name(plate))),
            needs.size_mm.map(|size| Demand::SizeMicrometres(micrometres(size))),
            (!filaments.is_empty()).then_some(Demand::Slots(filaments.len())),
            any(|need| need.material.is_some()).then(|| Demand::Materials(filaments.iter().map(of_material).collect())),
            any(|need| need.colour.is_some()).then(|| Demand::Colours(filaments.iter().map(of_colour).collect())),
            any(|need| need.milligrams.is_some()).then(|| Demand::Grams(filaments.clone())),
            Some(Demand::FileBytes(job.size_bytes)),
        ];
        Self { demands: demands.into_iter().flatten().collect(), filaments }
    }

    /// What a printer that meets it would still cost.
    pub(crate) fn effort(&self, offer: &Offer) -> Effort {
        let spools = if offer.loaded.is_empty() { &offer.last_loaded } else { &offer.loaded };
        let nothing = Filament::default();
        let place = |(at, need): (usize, &Filament)| if offer.chooses { need.best_of(spools) } else { Some(at) };
        let placed = || {
            let places = self.filaments.iter().enumerate().map(place);
            self.filaments.iter().zip(places).map(|(need, at)| (need, at.and_then(|at| spools.get(at)).unwrap_or(&nothing)))
        };
        Effort {
            material_changes: placed().filter(|(need, spool)| !need.is_known_in(spool)).count(),
            may_run_out: placed().any(|(need, spool)| need.milligrams > spool.milligrams),
        }
    }
}

impl Offer {
    pub(crate) fn new(printer: &PrinterFacts, words: &mut Words) -> Self {
        let machine = &printer.machine;
        Self {
            id: printer.id,
            tags: printer.tags.clone(),
            model: machine.model.as_deref().map(|model| words.name(model)),
            nozzle_micrometres: machine.nozzle_mm.map(thousandths),
            plate: machine.plate_type.as_deref().map(|plate| words.name(plate)),
            volume_micrometres: machine.build_volume_mm.map(micrometres),
            loaded: words.loaded(&printer.loaded),
            last_loaded: words.loaded(&printer.last_loaded),
            chooses: printer.chooses_filaments,
            free_bytes: printer.free_bytes,
        }
    }
}

impl Offer {
    /// Whether each filament has a spool that meets the last test, of those that meet the tests before it.
    fn has_for_all(&self, needs: &[Filament], tests: &[fn(&Filament, &Filament) -> bool]) -> bool {
        let Some((last, before)) = tests.split_last() else { return true };
        self.loaded.is_empty()
            || needs.iter().all(|need| {
                let mut candidates = self.loaded.iter().filter(|spool| before.iter().all(|test| test(need, spool))).peekable();
                // What the tests before it refuse is told by them.
                (!before.is_empty() && candidates.peek().is_none()) || candidates.any(|spool| last(need, spool))
            })
    }
}

impl Demand {
    /// Why a printer that does not meet it is no printer for the job.
    pub(crate) fn reason(&self) -> PrinterReason {
        match self {
            Demand::Aim(_) => PrinterReason::TagMismatch,
            Demand::Models(_) => PrinterReason::ModelMismatch,
            Demand::NozzleMicrometres(_) => PrinterReason::NozzleMismatch,
            Demand::Plate(_) => PrinterReason::PlateTypeMismatch,
            Demand::SizeMicrometres(_) => PrinterReason::BedTooSmall,
            Demand::Slots(_) => PrinterReason::TooFewSlots,
            Demand::Materials(_) => PrinterReason::MaterialNotLoaded,
            Demand::Colours(_) => PrinterReason::ColourMismatch,
            Demand::Grams(_) => PrinterReason::FilamentLow,
            Demand::FileBytes(_) => PrinterReason::StorageFull,
        }
    }

    pub(crate) fn is_met_by(&self, offer: &Offer) -> bool {
        match self {
            Demand::Aim(aim) => aim_meets(aim, offer),
            Demand::Models(models) => !models.is_empty() && offer.model.is_none_or(|model| models.contains(&model)),
            Demand::NozzleMicrometres(nozzle) => {
                offer.nozzle_micrometres.is_none_or(|has| has.abs_diff(*nozzle) <= TOLERANCE_MICROMETRES.unsigned_abs())
            }
            Demand::Plate(plate) => is_same(Some(*plate), offer.plate),
            Demand::SizeMicrometres(size) => {
                let fits = |needs: i64, has: i64| needs <= has.saturating_add(TOLERANCE_MICROMETRES);
                offer.volume_micrometres.is_none_or(|volume| size.iter().zip(volume).all(|(needs, has)| fits(*needs, has)))
            }
            Demand::Slots(slots) => offer.loaded.is_empty() || offer.chooses || *slots <= offer.loaded.len(),
            Demand::Materials(needs) if offer.chooses => offer.has_for_all(needs, &[Filament::is_material_of]),
            Demand::Materials(needs) => needs.iter().zip(&offer.loaded).all(|(need, spool)| need.is_material_of(spool)),
            Demand::Colours(needs) if offer.chooses => {
                offer.has_for_all(needs, &[Filament::is_material_of, Filament::is_colour_of])
            }
            Demand::Colours(needs) => {
                needs.iter().zip(&offer.loaded).all(|(need, spool)| !need.is_material_of(spool) || need.is_colour_of(spool))
            }
            Demand::Grams(needs) if offer.chooses => {
                offer.has_for_all(needs, &[Filament::is_material_of, Filament::is_colour_of, Filament::lasts_in])
            }
            Demand::Grams(needs) => needs
                .iter()
                .zip(&offer.loaded)
                .all(|(need, spool)| !need.is_material_of(spool) || !need.is_colour_of(spool) || need.lasts_in(spool)),
            Demand::FileBytes(bytes) => offer.free_bytes.is_none_or(|free| *bytes <= free),
        }
    }
}

fn aim_meets(aim: &Aim, offer: &Offer) -> bool {
    aim.printer_id.is_none_or(|id| id == offer.id)
        && aim.pool.as_ref().is_none_or(|pool| pool.0.is_subset(&offer.tags))
        && aim.tags.is_subset(&offer.tags)
}

impl Filament {
    fn is_material_of(&self, spool: &Filament) -> bool {
        is_same(self.material, spool.material)
    }

    fn is_colour_of(&self, spool: &Filament) -> bool {
        is_same(self.colour, spool.colour)
    }

    fn lasts_in(&self, spool: &Filament) -> bool {
        self.milligrams.zip(spool.milligrams).is_none_or(|(needs, has)| needs <= has)
    }

    /// The place of the spool to take of those that will do: one that is known to be right comes before one of which
    /// that is not known, one that lasts before one that may not, then the first.
    pub(crate) fn best_of(&self, spools: &[Filament]) -> Option<usize> {
        let will_do = |spool: &Filament| self.is_material_of(spool) && self.is_colour_of(spool) && self.lasts_in(spool);
        let rank = |spool: &Filament| (!self.is_known_in(spool), self.milligrams > spool.milligrams);
        spools
            .iter()
            .enumerate()
            .filter(|(_, spool)| will_do(spool))
            .min_by_key(|(at, spool)| (rank(spool), *at))
            .map(|(at, _)| at)
    }

    fn is_known_in(&self, spool: &Filament) -> bool {
        (self.material.is_none() || self.material == spool.material) && (self.colour.is_none() || self.colour == spool.colour)
    }
}

/// What one side does not know is no difference.
fn is_same(needs: Option<Word>, has: Option<Word>) -> bool {
    needs.zip(has).is_none_or(|(needs, has)| needs == has)
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates; what is that large is out of every bound anyway")]
fn thousandths(value: f64) -> i64 {
    (value * 1000.0).round() as i64
}

fn micrometres(size: Size) -> [i64; 3] {
    [size.x, size.y, size.z].map(thousandths)
}
