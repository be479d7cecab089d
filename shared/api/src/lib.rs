//! Operations and the one pipeline that carries them out, at every door and on both sides: the agent and
//! the relay assemble the same registry and differ only in what they are home of.

pub mod audit;
pub mod auth;
pub mod blobs;
pub mod bulk;
pub mod claims;
pub mod clock;
pub mod content;
pub mod disk;
pub mod door;
pub mod entropy;
pub mod facts;
pub mod floor;
pub mod floor_people;
pub mod forward;
pub mod held;
pub mod http;
pub mod installation;
pub mod keep;
pub mod key_text;
pub mod listen;
pub mod mailbox;
pub mod openapi;
pub mod operation;
pub mod ops;
pub mod page;
pub mod password;
pub mod pin_throttle;
pub mod pipeline;
pub mod presence;
pub mod registry;
pub mod request;
mod sign_in;
pub mod socket;
pub mod stream;
pub mod ways_in;
