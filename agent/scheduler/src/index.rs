//! The answers of all printers to all demands, one bit each: a distinct demand is asked once, however
//! many jobs make it, and a printer that changes is asked again without the others. Printers go by their
//! place in the list that the index was made with.

use std::collections::BTreeMap;

use domain::waiting::PrinterReason;

use crate::bits::{self, WORD};
use crate::demand::{Ask, Demand, Effort, Offer};

/// All demands, and the groups of jobs that make the same.
#[derive(Debug)]
pub(crate) struct Index {
    offers: Vec<Offer>,
    demands: Vec<Demand>,
    row_of: BTreeMap<Demand, usize>,
    /// Who refuses: for each word of printers the demands row by row, so that one printer's answers lie
    /// side by side.
    refused: Vec<Vec<u64>>,
    groups: Vec<Shared>,
    group_of: BTreeMap<Ask, Group>,
}

/// What jobs with the same demands share, by its place among all groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group(pub(crate) usize);

#[derive(Debug)]
struct Shared {
    ask: Ask,
    rows: Vec<usize>,
}

impl Index {
    pub(crate) fn new(offers: Vec<Offer>) -> Self {
        Self {
            refused: vec![Vec::new(); offers.len().div_ceil(WORD)],
            offers,
            demands: Vec::new(),
            row_of: BTreeMap::new(),
            groups: Vec::new(),
            group_of: BTreeMap::new(),
        }
    }

    /// The group of those who ask the same.
    pub(crate) fn group(&mut self, ask: Ask) -> Group {
        if let Some(group) = self.group_of.get(&ask) {
            return *group;
        }
        let group = Group(self.groups.len());
        let rows = ask.demands.iter().map(|demand| self.row(demand)).collect();
        self.groups.push(Shared { ask: ask.clone(), rows });
        self.group_of.insert(ask, group);
        group
    }

    fn row(&mut self, demand: &Demand) -> usize {
        if let Some(row) = self.row_of.get(demand) {
            return *row;
        }
        for (column, offers) in self.refused.iter_mut().zip(self.offers.chunks(WORD)) {
            column.push((0..).zip(offers).fold(0, |word, (bit, offer)| word | u64::from(!demand.is_met_by(offer)) << bit));
        }
        let row = self.demands.len();
        self.demands.push(demand.clone());
        self.row_of.insert(demand.clone(), row);
        row
    }

    /// Asks one printer everything again.
    pub(crate) fn change(&mut self, place: usize, offer: Offer) {
        for (word, demand) in self.refused[place / WORD].iter_mut().zip(&self.demands) {
            bits::set(word, place, !demand.is_met_by(&offer));
        }
        self.offers[place] = offer;
    }

    /// Of the printers in the word that stands `at` this position those that do not fit.
    pub(crate) fn refused(&self, group: Group, at: usize) -> u64 {
        self.groups[group.0].rows.iter().fold(0, |word, row| word | self.refused[at][*row])
    }

    /// The printers that do not fit for this reason; nothing if the group does not ask for it.
    pub(crate) fn with(&self, group: Group, reason: PrinterReason) -> Option<impl Iterator<Item = u64>> {
        let row = *self.groups[group.0].rows.iter().find(|row| self.demands[**row].reason() == reason)?;
        Some(self.refused.iter().map(move |column| column[row]))
    }

    /// Why one printer does not fit.
    pub(crate) fn reasons(&self, group: Group, place: usize) -> impl Iterator<Item = PrinterReason> {
        let refusing = self.groups[group.0].rows.iter().filter(move |row| bits::has(self.refused[place / WORD][**row], place));
        refusing.map(|row| self.demands[*row].reason())
    }

    /// What a printer that fits would still cost.
    pub(crate) fn effort(&self, group: Group, place: usize) -> Effort {
        self.groups[group.0].ask.effort(&self.offers[place])
    }

    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }
}
