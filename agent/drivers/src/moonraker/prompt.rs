//! Questions that Klipper shows to the person at the machine, as lines among its answers.

use domain::time::Timestamp;

use super::core::Core;
use super::wire::one_line;

const BEGINS: &str = "// action:prompt_begin";
const TEXT: &str = "// action:prompt_text";
const SHOWS: &str = "// action:prompt_show";
const ENDS: &str = "// action:prompt_end";

impl Core {
    /// Takes a line that Klipper said.
    pub(super) fn said_to_people(&mut self, now: Timestamp, line: &str) {
        let view = &mut self.view;
        if let Some(title) = line.strip_prefix(BEGINS) {
            view.question = one_line(title);
        } else if let Some(text) = line.strip_prefix(TEXT) {
            view.question = one_line(&format!("{} {text}", view.question));
        } else if line.starts_with(SHOWS) {
            view.prompt = true;
            self.show(now);
        } else if line.starts_with(ENDS) {
            (view.prompt, view.question) = (false, String::new());
            self.show(now);
        }
    }
}
