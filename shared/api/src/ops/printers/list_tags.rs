//! List the tags of printers that the caller may see, and how many printers have each.

use std::collections::BTreeMap;

use contract::list::{MAX_LIMIT, Selection};
use contract::operation::Asked;
use contract::ops::Listed;
use contract::ops::printers::{ListTags, TagCount};
use contract::record::{Record, kind_row};
use domain::printer::Printer;
use serde_json::Value;

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListTags {
    async fn read(by: &By<Self>, door: &Door, _: Asked<Self>) -> Result<Listed<TagCount>, Failure> {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        let mut selection = Selection { limit: MAX_LIMIT, ..Selection::all() };
        loop {
            let page = door.store.read(|rows| rows.list(kind_row(Printer::KIND), &selection, by.sight()))?;
            let tags = page.rows.iter().filter_map(|raw| raw.document.get("tags")?.as_array()).flatten();
            for tag in tags.filter_map(Value::as_str) {
                *counts.entry(tag.to_owned()).or_default() += 1;
            }
            selection.cursor = page.next_cursor;
            if selection.cursor.is_none() {
                break;
            }
        }
        let items = counts.into_iter().map(|(tag, printers)| TagCount { tag, printers }).collect();
        std::future::ready(Ok(Listed { items })).await
    }
}
