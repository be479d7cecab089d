//! Topics and filters: how things are called on the wire, and whether a filter can ever meet anything that
//! a key may see.

use contract::event::EventType;
use contract::record::kind_row;
use domain::access::Grants;
use domain::id::{PrinterId, StoreId};
use domain::kind::Kind;
use domain::permission::Permission;

use super::codec::Reason;

/// Levels that a filter may have; our deepest topic has five.
const MOST_LEVELS: usize = 8;
/// The longest filter.
const LONGEST: usize = 256;

/// A filter that is well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Vec<String>);

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// `SharedSubscription` or `Filter`.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        if text.starts_with("$share/") {
            return Err(Reason::SharedSubscription);
        }
        let levels: Vec<String> = text.split('/').take(MOST_LEVELS + 1).map(str::to_owned).collect();
        let wild = |level: &String| level == "#" || level == "+";
        let formed = |(place, level): (usize, &String)| {
            (wild(level) || !level.contains(['#', '+'])) && (level != "#" || place + 1 == levels.len())
        };
        let fine = !text.is_empty() && text.len() <= LONGEST && levels.len() <= MOST_LEVELS;
        if fine && levels.iter().enumerate().all(formed) { Ok(Self(levels)) } else { Err(Reason::Filter) }
    }

    /// Whether the topic is meant.
    pub fn matches(&self, topic: &str) -> bool {
        let levels: Vec<Option<&str>> = topic.split('/').map(Some).collect();
        self.meets(&levels)
    }

    /// Whether some topic of that form is meant; `None` is any word.
    fn meets(&self, topic: &[Option<&str>]) -> bool {
        let mut rest = topic.iter();
        for level in &self.0 {
            if level == "#" {
                return true;
            }
            match rest.next() {
                Some(Some(word)) if level == "+" || level == word => {}
                Some(None) => {}
                Some(Some(_)) | None => return false,
            }
        }
        rest.next().is_none()
    }

    /// The one word that it asks for on the last level of ours, if it is one.
    pub fn literal_id(&self) -> Option<&str> {
        self.0.get(4).map(String::as_str).filter(|word| *word != "+" && *word != "#")
    }
}

/// The topics of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topics(pub StoreId);

impl Topics {
    /// The document of a record.
    pub fn document(self, kind: Kind, id: &str) -> String {
        format!("gantry/v1/{}/{}/{id}", self.0, kind.plural())
    }

    /// Events of a type.
    pub fn event(self, event: EventType) -> String {
        format!("gantry/v1/{}/events/{event}", self.0)
    }

    /// Live values of a printer.
    pub fn telemetry(self, printer: PrinterId) -> String {
        format!("gantry/v1/{}/telemetry/{printer}", self.0)
    }

    /// The queue in numbers.
    pub fn queue(self) -> String {
        format!("gantry/v1/{}/queue", self.0)
    }

    /// Whether a filter asks for the queue.
    pub fn asks_queue(self, filter: &Filter) -> bool {
        filter.matches(&self.queue())
    }

    /// Whether a filter asks for documents of a kind.
    pub fn asks_documents(self, filter: &Filter, kind: Kind) -> bool {
        self.meets(filter, kind.plural(), None)
    }

    /// Whether a filter asks for any live values.
    pub fn asks_telemetry(self, filter: &Filter) -> bool {
        self.meets(filter, "telemetry", None)
    }

    /// Whether a filter can ever meet what these grants show.
    pub fn can_meet(self, filter: &Filter, grants: &Grants) -> bool {
        let holds = |permission| grants.permissions.has(permission);
        let sees = |kind: &&Kind| holds(kind_row(**kind).view);
        let documents = Kind::ALL.iter().filter(sees).any(|kind| self.asks_documents(filter, *kind));
        let live = may_follow(grants) && self.asks_telemetry(filter);
        let queue = holds(Permission::QueueView) && self.asks_queue(filter);
        let anything = Kind::ALL.iter().any(|kind| sees(&kind));
        // The subject of a few events is of no kind that their type names: they may be of any.
        let of_event = |event: &EventType| match subject(*event) {
            Some(kind) => sees(&&kind),
            None => anything,
        };
        let told = || EventType::all().iter().filter(|event| of_event(event)).any(|event| filter.matches(&self.event(*event)));
        documents || live || queue || told()
    }

    fn meets(self, filter: &Filter, family: &str, word: Option<&str>) -> bool {
        let store = self.0.to_string();
        filter.meets(&[Some("gantry"), Some("v1"), Some(&store), Some(family), word])
    }
}

/// Whether live values may be seen at all.
pub fn may_follow(grants: &Grants) -> bool {
    grants.permissions.has(Permission::TelemetryView) && grants.permissions.has(Permission::PrinterView)
}

fn subject(event: EventType) -> Option<Kind> {
    match event {
        EventType::Record(kind, _) => Some(kind),
        EventType::Named(named) => named.word().split_once('.').and_then(|(kind, _)| Kind::from_word(kind)),
    }
}

#[cfg(test)]
mod tests {
    use domain::id::Id;
    use domain::time::Timestamp;

    use super::*;

    fn topics(n: u8) -> Topics {
        Topics(StoreId::new(Timestamp::from_millis(0), [n; 10]))
    }

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap()
    }

    fn grants(permissions: &[Permission]) -> Grants {
        Grants::unscoped(permissions.iter().copied().collect())
    }

    #[test]
    fn wildcards_stand_for_one_level_or_for_all_that_follow() {
        for (text, meets) in [("#", true), ("a/#", true), ("a/b/#", true), ("a/+", true), ("+/+", true), ("a/b", true)]
            .into_iter()
            .chain([("a", false), ("+", false), ("a/+/+", false), ("b/#", false), ("a/B", false), ("a/b/c", false)])
        {
            assert_eq!(filter(text).matches("a/b"), meets, "{text}");
        }
        assert!(filter("a/#").matches("a"), "a parent is meant too");
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in ["", "a#", "#/a", "a+/b", "a/b/c/d/e/f/g/h/i", &"a".repeat(257)] {
            assert_eq!(Filter::parse(text), Err(Reason::Filter), "{text}");
        }
        assert_eq!(Filter::parse("$share/group/#"), Err(Reason::SharedSubscription));
    }

    #[test]
    fn a_filter_of_another_store_meets_nothing_and_a_wide_one_means_the_own() {
        let (mine, other, all) = (topics(1), topics(2), Grants::owner());
        assert!(!mine.can_meet(&filter(&format!("gantry/v1/{}/#", other.0)), &all));
        for wide in ["#", "gantry/#", "+/+/+/printers/+", "gantry/v1/+/events/job.completed"] {
            assert!(mine.can_meet(&filter(wide), &all), "{wide}");
        }
        for none in ["$SYS/#", "homeassistant/#", "gantry/v2/#", "gantry/v1/+/printers/+/more", "gantry/v1/+/nonsense/#"] {
            assert!(!mine.can_meet(&filter(none), &all), "{none}");
        }
    }

    #[test]
    fn a_filter_for_what_the_key_never_sees_meets_nothing() {
        let mine = topics(1);
        let parts = grants(&[Permission::PartView]);
        assert!(mine.can_meet(&filter("gantry/v1/+/parts/#"), &parts));
        assert!(mine.can_meet(&filter("gantry/v1/+/events/part.created"), &parts));
        assert!(!mine.can_meet(&filter("gantry/v1/+/jobs/+"), &parts));
        assert!(!mine.can_meet(&filter("gantry/v1/+/events/job.completed"), &parts));
        assert!(!mine.can_meet(&filter("gantry/v1/+/telemetry/+"), &grants(&[Permission::TelemetryView])));
        assert!(!mine.can_meet(&filter("gantry/v1/+/queue"), &grants(&[Permission::JobView])));
        assert!(mine.can_meet(&filter("gantry/v1/+/queue"), &grants(&[Permission::QueueView])));
        assert!(!mine.can_meet(&filter("#"), &grants(&[])));
    }
}
