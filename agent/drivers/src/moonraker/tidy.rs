//! What of ours is removed from Moonraker: the copy of an attempt that is done with, and uploads that
//! have not been of use for long. Touches nothing that is not named as ours.

use domain::attempt::Token;

use super::core::Core;
use super::requests::{Purpose, Reply, copy_name, is_content_name};
use super::wire::{Listing, StoredFile};

/// So many uploads are kept for prints to come, the newest.
const KEPT: usize = 20;

impl Core {
    pub(super) fn tidy(&mut self, token: &Token) {
        if !self.is_up() {
            return;
        }
        let copy = self.requests.remove(&copy_name(token));
        self.ask(copy);
        let listing = self.requests.listing(Purpose::Listing);
        self.ask(listing);
    }

    pub(super) fn listing_told(&mut self, reply: &Reply) {
        let Some(listing) = reply.as_ref().ok().and_then(Listing::read) else { return };
        let mut uploads: Vec<StoredFile> = listing.files.into_iter().filter(|file| is_content_name(&file.name)).collect();
        uploads.sort_by(|one, other| other.modified.total_cmp(&one.modified));
        for upload in uploads.into_iter().skip(KEPT) {
            if !self.is_being_sent(&upload.name) {
                let ask = self.requests.remove(&upload.name);
                self.ask(ask);
            }
        }
    }
}
