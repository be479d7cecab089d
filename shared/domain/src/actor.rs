//! Who did it: the same words in events, audit and ownership.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of actor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person with an account at the relay.
    User,
    /// The local owner or an operator with a PIN.
    Floor,
    /// A program with an API key.
    ApiKey,
    /// A phone or tablet of the floor.
    Device,
    /// A slicer with a slicer key.
    Slicer,
    /// An AI agent.
    Ai,
    /// A shop's webhook.
    WebhookIn,
    /// A timed rule.
    Scheduler,
    /// The agent itself, by what it saw.
    Farm,
    /// The relay itself.
    Relay,
}

/// An actor.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// Its kind.
    pub kind: ActorKind,
    /// Its id within the kind: a key's id, a session's id, the farm's id.
    pub id: String,
}

impl Actor {
    /// An actor of that kind and id.
    pub fn new(kind: ActorKind, id: impl std::fmt::Display) -> Self {
        Self { kind, id: id.to_string() }
    }

    /// The agent itself.
    pub fn farm(id: crate::id::FarmId) -> Self {
        Self::new(ActorKind::Farm, id)
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            ActorKind::User => "user",
            ActorKind::Floor => "floor",
            ActorKind::ApiKey => "api_key",
            ActorKind::Device => "device",
            ActorKind::Slicer => "slicer",
            ActorKind::Ai => "ai",
            ActorKind::WebhookIn => "webhook_in",
            ActorKind::Scheduler => "scheduler",
            ActorKind::Farm => "farm",
            ActorKind::Relay => "relay",
        };
        write!(f, "{kind}:{}", self.id)
    }
}
