//! events.md: every type of event, what it says, and whose record stands in its data.

use contract::event::{Change, EventType, Named};
use contract::record::kind_row;
use domain::kind::Kind;

use super::table::{code, head, table};

pub fn page() -> String {
    [
        head("Events", "`data` is the record as it was then, as far as the reader may see it. A change that has an event with a name of its own gives that one instead of `updated`."),
        "\n## Of every kind of record\n".to_owned(),
        table(&["kind", "made", "changed", "removed", "seen with"], Kind::ALL.iter().map(|kind| of_kind(*kind))),
        "\n## With a name of their own\n".to_owned(),
        table(&["type", "says", "data"], Named::ALL.iter().map(|named| of_name(*named))),
    ]
    .concat()
}

fn of_kind(kind: Kind) -> Vec<String> {
    let changes = [Change::Created, Change::Updated, Change::Deleted];
    let types = changes.map(|change| match Change::of(kind) {
        [] => "none".to_owned(),
        told if told.contains(&change) => code(EventType::Record(kind, change)),
        _ => "see below".to_owned(),
    });
    [code(kind)].into_iter().chain(types).chain([code(kind_row(kind).view)]).collect()
}

fn of_name(named: Named) -> Vec<String> {
    let noun = named.word().split('.').next().unwrap_or_default();
    let data = Kind::from_word(noun).map_or("its kind is not there yet".to_owned(), code);
    vec![code(named.word()), named.text().to_owned(), data]
}
