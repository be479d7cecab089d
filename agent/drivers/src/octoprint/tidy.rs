//! What of ours is removed from OctoPrint: the copy of an attempt that is done with, and uploads that
//! have not been of use for long. Touches nothing that is not named as ours.

use domain::attempt::Token;
use serde_json::Value;

use super::core::Core;
use super::requests::{Purpose, Reply, copy_name, is_content_name};
use super::wire::{json, number};

/// So many uploads are kept for prints to come, the newest.
const KEPT: usize = 20;

impl Core {
    pub(super) fn tidy(&mut self, token: &Token) {
        if !self.is_up() {
            return;
        }
        let copy = self.requests.remove(&copy_name(token), Purpose::Remove);
        self.ask(copy);
        let listing = self.requests.listing();
        self.ask(listing);
    }

    pub(super) fn listing_told(&mut self, reply: &Reply) {
        let body = reply.as_ref().ok().and_then(json);
        let children = body.as_ref().and_then(|body| body.get("children")).and_then(Value::as_array);
        let mut uploads: Vec<(u64, &str)> = children.into_iter().flatten().filter_map(upload).collect();
        uploads.sort_unstable_by(|one, other| other.cmp(one));
        for (_, name) in uploads.into_iter().skip(KEPT) {
            if !self.is_being_sent(name) {
                let ask = self.requests.remove(name, Purpose::Remove);
                self.ask(ask);
            }
        }
    }
}

/// When it was uploaded, and its name; none if it is no upload of ours.
fn upload(file: &Value) -> Option<(u64, &str)> {
    let name = file.get("name")?.as_str().filter(|name| is_content_name(name))?;
    Some((number(file.get("date")).map_or(0, super::wire::whole), name))
}
