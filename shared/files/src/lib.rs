//! What is inside a sliced file. Bytes are handed in, values come out: this crate opens nothing, trusts
//! nothing that it reads, and holds a bounded amount of memory whatever the file is.
//!
//! [`Reader`] walks the lines once. `lines` cuts them, `dialect` reads what slicers write into comments,
//! `command` and `machine` follow the moves, `survey`, `heat` and `hazards` keep what matters of them,
//! `sketch` draws, `pictures` finds and decodes thumbnails.

mod command;
mod dialect;
mod duration;
mod filaments;
mod hazards;
mod heat;
mod lines;
mod machine;
mod pictures;
mod reader;
mod refusal;
mod sketch;
mod survey;
mod value;

pub use pictures::{BadThumbnail, decode_thumbnail};
pub use reader::Reader;
pub use refusal::{Found, Refusal};
