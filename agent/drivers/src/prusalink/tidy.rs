//! What of ours is removed from the printer: the file of an attempt that is done with, and what earlier ones
//! left. Touches nothing that is not named as ours.

use domain::attempt::Token;

use super::core::Core;
use super::requests::Reply;
use super::wire::{json, names, token_of};

impl Core {
    pub(super) fn tidy(&mut self, token: Token) {
        let Some(storage) = self.view.storage().filter(|_| self.is_up()).map(str::to_owned) else { return };
        self.requests.listing(&storage, token);
    }

    pub(super) fn listing_told(&mut self, done_with: &Token, reply: &Reply) {
        let body = reply.as_ref().ok().filter(|answer| answer.status == 200).and_then(json);
        let (Some(body), Some(storage)) = (body, self.view.storage().map(str::to_owned)) else { return };
        for name in names(&body) {
            let Some(token) = token_of(&name) else { continue };
            if token == *done_with || !self.is_in_use(&name, &token) {
                self.requests.remove(&storage, &name);
            }
        }
    }

    /// It is on its way, printed, or about to be.
    fn is_in_use(&self, name: &str, token: &Token) -> bool {
        self.is_being_sent(name) || self.view.active_token().as_ref() == Some(token) || self.ends.is_watched(token)
    }
}
