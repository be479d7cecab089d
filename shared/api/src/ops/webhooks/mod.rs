//! Webhooks and their deliveries. What sends them is the relay; here they are only asked for.

mod create_webhook;
mod delete_webhook;
mod deliveries;
mod edit_webhook;
mod roll_secret;
mod state;
mod test_webhook;

pub(in crate::ops) use delete_webhook::delete;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::problem::{Code, Problem};
use domain::webhook::{Webhook, WebhookState, WebhookUrl};
use store::Tx;

use crate::door::Door;

/// The name of the secret that signs.
pub const SECRET: &str = "signing";
/// The name of the secret before, which signs too while a receiver changes over.
pub const OLD_SECRET: &str = "signing_before";

/// A webhook that nobody sends, or that never could be sent, would be a promise that is not kept.
fn sendable(door: &Door, url: &WebhookUrl) -> Result<(), Problem> {
    let refused = || Problem::new(Code::RelayOnly).detail("webhooks are sent by relays: claim the farm at one and make it there");
    let urls = door.webhook_urls.as_ref().ok_or_else(refused)?;
    urls.judge(url).map_err(|why| Problem::field("/url", "invalid", why))
}

/// What is asked to be sent now must not lie until somebody resumes the webhook.
fn sends(webhook: &Webhook) -> Result<(), Problem> {
    match webhook.state {
        WebhookState::Active => Ok(()),
        WebhookState::Paused | WebhookState::Disabled { .. } => {
            Err(Problem::new(Code::IllegalState).detail("nothing is sent to it: resume it first").on(webhook.id))
        }
    }
}

/// A new secret in the form of Standard Webhooks.
fn new_secret(tx: &mut Tx<'_>) -> String {
    format!("whsec_{}", STANDARD.encode(tx.random::<32>()))
}
