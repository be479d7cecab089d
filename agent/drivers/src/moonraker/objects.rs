//! The things in a print, as Klipper's `exclude_object` tells them apart.

use domain::print_object::PrintObject;
use serde_json::Value;

use super::wire::{Status, text};

impl Status {
    /// The things in the print, where the file tells them apart.
    pub(super) fn objects(&self) -> Vec<PrintObject> {
        const MOST: usize = 200;
        let named = |field: &str| self.get("exclude_object", field).and_then(Value::as_array).into_iter().flatten();
        let skipped: Vec<&str> = named("excluded_objects").filter_map(Value::as_str).collect();
        let current = self.get("exclude_object", "current_object").and_then(Value::as_str);
        let objects = named("objects").filter_map(|object| text(object.get("name"))).take(MOST);
        objects
            .map(|id| PrintObject {
                skipped: skipped.contains(&id.as_str()),
                printing: current == Some(id.as_str()),
                name: id.replace('_', " ").to_lowercase(),
                id,
            })
            .collect()
    }
}

/// Whether a name is one word of Klipper's language, and so cannot become anything else in a command.
pub(super) fn is_one_word(object: &str) -> bool {
    !object.is_empty() && object.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"\"';#=\\".contains(c))
}
