//! What of ours is removed from the machine's card: uploads that have not been of use for long. Its clock is wrong, so
//! no date is looked at; what this life of the driver has not used goes first. Touches nothing that is not named as ours.

use super::core::Core;
use super::requests::FilePurpose;
use super::sending::is_content_name;
use crate::broker::{FileFault, FileWork, Filed};

/// So many uploads are kept for prints to come.
const KEPT: usize = 20;

impl Core {
    pub(super) fn tidy(&mut self) {
        if !self.is_up() || self.requests.is_at(FilePurpose::Listing) {
            return;
        }
        let (_, listing) = self.requests.files(FilePurpose::Listing, FileWork::List);
        self.ask(listing);
    }

    pub(super) fn listing_told(&mut self, outcome: Result<Filed, FileFault>) {
        let Ok(Filed::Names(names)) = outcome else { return };
        let mut ours: Vec<String> = names.into_iter().filter(|name| is_content_name(name)).collect();
        ours.sort_by_key(|name| self.used.iter().position(|used| used == name));
        let goes = ours.len().saturating_sub(KEPT);
        let in_use = self.used.last().cloned();
        ours.truncate(goes);
        ours.retain(|name| !self.is_being_sent(name) && in_use.as_ref() != Some(name));
        self.used.retain(|name| !ours.contains(name));
        if !ours.is_empty() {
            let (_, remove) = self.requests.files(FilePurpose::Remove, FileWork::Remove { names: ours });
            self.ask(remove);
        }
    }
}
