//! Which room may use which: the locks of the architecture. A crate is a lock, so an arrow that is not in this table is refused,
//! even for tests: a story that needs more rooms belongs into `tests/`.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::Fault;
use crate::workspace::Member;

/// What a room may know.
enum Reach {
    /// These rooms, and whatever those may use.
    Rooms(&'static [&'static str]),
    Everything,
}

use Reach::{Everything, Rooms};

const ARROWS: &[(&str, Reach)] = &[
    ("domain", Rooms(&[])),
    ("contract", Rooms(&["domain"])),
    ("files", Rooms(&["domain"])),
    ("scheduler", Rooms(&["domain"])),
    ("drivers", Rooms(&["domain"])),
    ("simulators", Rooms(&["domain"])),
    ("store", Rooms(&["contract"])),
    ("sync", Rooms(&["contract"])),
    ("fanout", Rooms(&["store"])),
    ("api", Rooms(&["fanout", "files"])),
    ("ui", Rooms(&[])),
    (
        "agent",
        Rooms(&["api", "sync", "ui", "scheduler", "drivers"]),
    ),
    ("relay", Rooms(&["api", "sync", "ui"])),
    ("cli", Rooms(&["agent", "relay", "simulators"])),
    ("tests", Everything),
    ("xtask", Everything),
];

/// Rooms of decisions only: what would give them a socket, a clock or a database may not even be linked.
const LOCKED: &[&str] = &["domain", "contract", "scheduler", "files"];
const KEPT_OUT: &[&str] = &["tokio", "axum", "rusqlite", "reqwest", "hyper"];

const LICENCE: &str = "Apache-2.0";

/// Every refused arrow, broken lock and foreign licence. `text` gives a manifest's text by its path.
pub fn faults<'a>(members: &[Member], text: impl Fn(&str) -> &'a str) -> Vec<Fault> {
    let each = |member: &Member| {
        let text = text(&member.manifest);
        [
            refused_arrows(member, text),
            broken_locks(member, text),
            foreign_licence(member),
        ]
        .concat()
    };
    members.iter().flat_map(each).collect()
}

fn refused_arrows(member: &Member, text: &str) -> Vec<Fault> {
    let Some(reach) = reach(&member.room) else {
        let what = format!(
            "the room `{}` has no place in the architecture",
            member.room
        );
        return vec![Fault::new(
            &member.manifest,
            1,
            what,
            "add it to ARROWS in xtask/src/tidy/arrows.rs, with the reason in a decision",
        )];
    };
    let allowed = match reach {
        Everything => return Vec::new(),
        Rooms(direct) => transitively(direct),
    };
    let refused = member
        .uses
        .iter()
        .filter(|used| !allowed.contains(used.as_str()));
    refused
        .map(|used| {
            let what = format!("`{}` may not use `{used}`", member.room);
            Fault::new(
                &member.manifest,
                line_of(text, used),
                what,
                "move what is shared to a room below both, or the test to tests/",
            )
        })
        .collect()
}

fn broken_locks(member: &Member, text: &str) -> Vec<Fault> {
    if !LOCKED.contains(&member.room.as_str()) {
        return Vec::new();
    }
    let linked = KEPT_OUT
        .iter()
        .filter_map(|crate_name| member.links.get(*crate_name));
    linked
        .map(|chain| {
            let line = chain.first().map_or(1, |first| line_of(text, first));
            let what = format!(
                "`{}` decides without io, yet links {}",
                member.room,
                chain.join(" → ")
            );
            Fault::new(
                &member.manifest,
                line,
                what,
                "take the dependency out, or switch off the feature that brings it",
            )
        })
        .collect()
}

fn foreign_licence(member: &Member) -> Vec<Fault> {
    if member.licence.as_deref() == Some(LICENCE) {
        return Vec::new();
    }
    let what = format!(
        "the licence is {}, not {LICENCE}",
        member.licence.as_deref().unwrap_or("not named")
    );
    vec![Fault::new(
        &member.manifest,
        1,
        what,
        "say `license.workspace = true`",
    )]
}

fn reach(room: &str) -> Option<&'static Reach> {
    ARROWS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, reach)| reach)
}

fn transitively(direct: &[&'static str]) -> BTreeSet<&'static str> {
    let further = direct.iter().flat_map(|room| match reach(room) {
        Some(Rooms(next)) => transitively(next),
        Some(Everything) | None => BTreeSet::new(),
    });
    direct.iter().copied().chain(further).collect()
}

fn line_of(manifest: &str, dependency: &str) -> usize {
    let names_it = |line: &str| {
        line.strip_prefix(dependency)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    manifest
        .lines()
        .position(names_it)
        .map_or(1, |index| index + 1)
}

/// The page docs/generated/crates.md: each room, what it is for, and the rooms that its manifest names.
pub fn page(members: &[Member]) -> String {
    let mut page = String::from(
        "# The rooms and their arrows\n\n\
         Generated by `cargo xtask generate` from the manifests; `cargo xtask tidy` refuses every arrow that the architecture does\n\
         not name. An arrow `a --> b` says that `a` uses `b`; arrows that others imply are left out of the picture.\n\n\
         | room | what it is | uses |\n|---|---|---|\n",
    );
    for member in members {
        let uses = member.uses.iter().cloned().collect::<Vec<_>>().join(", ");
        let locked = if LOCKED.contains(&member.room.as_str()) {
            " Locked: no io is linked."
        } else {
            ""
        };
        let _ = writeln!(
            page,
            "| {} | {}{locked} | {uses} |",
            member.room, member.description
        );
    }
    page.push_str("\n```mermaid\nflowchart TD\n");
    for member in members
        .iter()
        .filter(|member| matches!(reach(&member.room), Some(Rooms(_))))
    {
        for used in drawn(member, members) {
            let _ = writeln!(page, "    {} --> {used}", member.room);
        }
    }
    page.push_str("```\n");
    page
}

/// The arrows of a room that no longer path says already.
fn drawn<'a>(member: &'a Member, members: &'a [Member]) -> Vec<&'a str> {
    let implied = |used: &str| {
        member
            .uses
            .iter()
            .any(|between| between != used && reaches(between, used, members))
    };
    member
        .uses
        .iter()
        .map(String::as_str)
        .filter(|used| !implied(used))
        .collect()
}

fn reaches(from: &str, to: &str, members: &[Member]) -> bool {
    let uses = members
        .iter()
        .filter(|member| member.room == from)
        .flat_map(|member| &member.uses);
    uses.into_iter()
        .any(|used| used == to || reaches(used, to, members))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(room: &str, uses: &[&str]) -> Member {
        Member {
            room: room.to_owned(),
            description: format!("The {room}."),
            licence: Some(LICENCE.to_owned()),
            manifest: format!("{room}/Cargo.toml"),
            uses: uses.iter().map(ToString::to_string).collect(),
            links: std::collections::BTreeMap::new(),
        }
    }

    fn check(member: Member, manifest: &str, expected: &[&str]) {
        let told: Vec<String> = faults(&[member], |_| manifest)
            .iter()
            .map(|fault| format!("{}: {}", fault.line, fault.what))
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn an_arrow_of_the_architecture_passes_also_over_several_rooms() {
        check(member("contract", &["domain"]), "", &[]);
        check(
            member("agent", &["api", "store", "domain", "drivers"]),
            "",
            &[],
        );
        check(member("cli", &["agent", "simulators", "contract"]), "", &[]);
    }

    #[test]
    fn an_arrow_upward_or_sideways_is_refused_at_its_line() {
        check(
            member("domain", &["contract"]),
            "[dependencies]\ncontract.workspace = true\n",
            &["2: `domain` may not use `contract`"],
        );
        check(
            member("agent", &["relay"]),
            "relay = { path = \"../relay\" }",
            &["1: `agent` may not use `relay`"],
        );
        check(
            member("relay", &["drivers"]),
            "",
            &["1: `relay` may not use `drivers`"],
        );
    }

    #[test]
    fn tests_and_xtask_may_know_all() {
        check(member("tests", &["relay", "drivers", "cli"]), "", &[]);
        check(member("xtask", &["api", "store"]), "", &[]);
    }

    #[test]
    fn a_room_outside_the_table_is_refused() {
        check(
            member("attic", &[]),
            "",
            &["1: the room `attic` has no place in the architecture"],
        );
    }

    #[test]
    fn a_locked_room_may_not_link_io_and_is_told_by_which_way_it_came() {
        let mut scheduler = member("scheduler", &["domain"]);
        scheduler.links.insert(
            "tokio".to_owned(),
            vec!["clever".to_owned(), "tokio".to_owned()],
        );
        check(
            scheduler,
            "clever = \"1\"",
            &["1: `scheduler` decides without io, yet links clever → tokio"],
        );
        let mut store = member("store", &["contract"]);
        store
            .links
            .insert("tokio".to_owned(), vec!["tokio".to_owned()]);
        check(store, "", &[]);
    }

    #[test]
    fn every_member_is_under_the_one_licence() {
        let mut files = member("files", &["domain"]);
        files.licence = Some("MIT".to_owned());
        check(files, "", &["1: the licence is MIT, not Apache-2.0"]);
    }

    #[test]
    fn no_room_reaches_itself() {
        for (room, reach) in ARROWS {
            if let Rooms(direct) = reach {
                assert!(!transitively(direct).contains(room), "{room}");
            }
        }
    }

    #[test]
    fn the_picture_leaves_out_what_a_longer_path_says() {
        let members = [
            member("contract", &["domain"]),
            member("domain", &[]),
            member("store", &["contract", "domain"]),
        ];
        assert_eq!(drawn(&members[2], &members), ["contract"]);
    }
}
