//! What a write changed, for its audit entry: collected where records are written, so that no operation can forget it.
//! Records hold no secrets, so neither does this.

use std::collections::BTreeMap;

use contract::ops::audit::{AuditChange, Became};
use contract::record::{Document, Record};
use domain::kind::Kind;
use serde_json::Value;

/// So many writes are kept with their documents; of those after them only which record it was.
const KEPT: usize = 200;
/// The most records that one entry names.
const NAMED: usize = 100;
/// Characters of a text that are kept, and bytes of a field, of what was asked, and of all fields of an entry.
const TEXT: usize = 500;
const FIELD: usize = 2048;
const ASKED: usize = 4096;
const ENTRY: usize = 16 * 1024;

/// The writes of one transaction.
#[derive(Default)]
pub struct Changes {
    writes: Vec<Write>,
    /// So many are in an entry already.
    audited: usize,
}

struct Write {
    kind: Kind,
    id: String,
    became: Became,
    /// Before and after; none if there were too many.
    documents: Option<(Document, Document)>,
}

impl Changes {
    /// A record was made or changed.
    pub fn written<R: Record>(&mut self, id: &str, before: Option<Document>, after: Document) {
        let became = if before.is_some() { Became::Updated } else { Became::Created };
        self.push::<R>(id, became, before.unwrap_or_default(), after);
    }

    /// A record was removed.
    pub fn deleted<R: Record>(&mut self, id: &str, before: Document) {
        self.push::<R>(id, Became::Deleted, before, Document::new());
    }

    fn push<R: Record>(&mut self, id: &str, became: Became, mut before: Document, mut after: Document) {
        let kept = self.writes.len() < KEPT;
        if kept {
            R::lighten(&mut before);
            R::lighten(&mut after);
        }
        self.writes.push(Write { kind: R::KIND, id: id.to_owned(), became, documents: kept.then_some((before, after)) });
    }

    /// How far it is now, to come back to.
    pub const fn mark(&self) -> (usize, usize) {
        (self.writes.len(), self.audited)
    }

    /// What came after that mark has not happened.
    pub fn back_to(&mut self, (writes, audited): (usize, usize)) {
        self.writes.truncate(writes);
        self.audited = audited;
    }

    /// Whether something is in no entry yet.
    pub const fn is_pending(&self) -> bool {
        self.audited < self.writes.len()
    }

    /// What is in no entry yet: each record once, in the order that they were touched, and how many more there are.
    pub fn take(&mut self) -> (Vec<AuditChange>, u64) {
        let mut order: Vec<(Kind, &str)> = Vec::new();
        let mut records: BTreeMap<(Kind, &str), Vec<&Write>> = BTreeMap::new();
        for write in &self.writes[self.audited..] {
            let of = records.entry((write.kind, &write.id)).or_default();
            if of.is_empty() {
                order.push((write.kind, &write.id));
            }
            of.push(write);
        }
        let mut room = ENTRY;
        let named = order.iter().take(NAMED).filter_map(|record| change(records.get(record)?, &mut room)).collect();
        let more = order.len().saturating_sub(NAMED) as u64;
        self.audited = self.writes.len();
        (named, more)
    }
}

/// One record's writes as one change; none if it was made and removed in the same breath.
fn change(writes: &[&Write], room: &mut usize) -> Option<AuditChange> {
    let (first, last) = (writes.first()?, writes.last()?);
    let became = match (first.became, last.became) {
        (Became::Created, Became::Deleted) => return None,
        (Became::Created, Became::Created | Became::Updated) => Became::Created,
        (Became::Updated | Became::Deleted, became) => became,
    };
    let mut change = AuditChange {
        kind: first.kind,
        id: first.id.clone(),
        became,
        before: Document::new(),
        after: Document::new(),
        cut: true,
    };
    if let (Some((before, _)), Some((_, after))) = (&first.documents, &last.documents) {
        (change.before, change.after) = differing(before, after);
        change.cut = false;
        for field in change.before.values_mut().chain(change.after.values_mut()) {
            change.cut |= shorten(field, FIELD);
        }
        match room.checked_sub(size(&change.before) + size(&change.after)) {
            Some(left) => *room = left,
            None => (change.before, change.after, change.cut) = (Document::new(), Document::new(), true),
        }
    }
    Some(change)
}

/// The fields that differ, on either side.
fn differing(before: &Document, after: &Document) -> (Document, Document) {
    let (mut old, mut new) = (Document::new(), Document::new());
    for (name, was) in before {
        match (was, after.get(name)) {
            (was, Some(is)) if was == is => {}
            (Value::Object(was), Some(Value::Object(is))) => {
                let (was, is) = differing(was, is);
                old.insert(name.clone(), was.into());
                new.insert(name.clone(), is.into());
            }
            (was, is) => {
                old.insert(name.clone(), was.clone());
                new.extend(is.map(|is| (name.clone(), is.clone())));
            }
        }
    }
    let made = after.iter().filter(|(name, _)| !before.contains_key(*name));
    new.extend(made.map(|(name, is)| (name.clone(), is.clone())));
    (old, new)
}

/// What was asked, as far as it is kept.
pub fn shorten_asked(asked: &mut Value) {
    shorten(asked, ASKED);
}

/// Cuts long texts, and takes out what is too large all the same. Says whether something is missing.
fn shorten(value: &mut Value, most: usize) -> bool {
    let mut cut = false;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(TEXT) {
                text.truncate(end);
                text.push('…');
                cut = true;
            }
        }
        Value::Array(items) => cut = items.iter_mut().fold(false, |cut, item| shorten(item, most) | cut),
        Value::Object(fields) => cut = fields.values_mut().fold(false, |cut, field| shorten(field, most) | cut),
    }
    let bytes = value.to_string().len();
    if bytes > most {
        *value = format!("… {bytes} bytes").into();
        cut = true;
    }
    cut
}

fn size(document: &Document) -> usize {
    document.iter().map(|(name, value)| name.len() + value.to_string().len() + 4).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(value: &Value) -> Document {
        value.as_object().unwrap().clone()
    }

    fn check(before: Value, after: Value, expected: (Value, Value)) {
        let (old, new) = differing(&document(&before), &document(&after));
        assert_eq!((Value::Object(old), Value::Object(new)), expected);
    }

    #[test]
    fn only_what_differs_is_told_also_within_a_field() {
        check(
            json!({"a": 1, "b": {"c": 1, "d": 2}, "gone": 1}),
            json!({"a": 1, "b": {"c": 1, "d": 3}, "new": []}),
            (json!({"b": {"d": 2}, "gone": 1}), json!({"b": {"d": 3}, "new": []})),
        );
        check(json!({"a": [1, 2]}), json!({"a": [1, 3]}), (json!({"a": [1, 2]}), json!({"a": [1, 3]})));
        check(json!({}), json!({"a": null}), (json!({}), json!({"a": null})));
    }

    #[test]
    fn long_texts_and_large_fields_are_cut_and_it_is_said() {
        let mut text = json!("ä".repeat(600));
        assert!(shorten(&mut text, FIELD));
        assert_eq!(text.as_str().unwrap().chars().count(), TEXT + 1);
        let mut list = json!(vec![0; 5000]);
        assert!(shorten(&mut list, FIELD));
        assert_eq!(list, json!("… 10001 bytes"));
        let mut small = json!({"a": ["b"]});
        assert!(!shorten(&mut small, FIELD));
    }
}
