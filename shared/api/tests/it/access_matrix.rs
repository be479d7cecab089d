//! Every role × every operation × every way to stand outside, at the agent and at the relay, against the table of docs/product.md.
//! The table is read from the page itself: neither the catalogue nor the rows of the operations are asked what they think.

use std::collections::BTreeSet;

use api::ops::keys::insert_api_key;
use api::registry::rows;
use contract::operation::{Home, Method, OperationRow};
use contract::ops::keys::NewApiKey;
use domain::access::{Access, Grants, Scope};
use domain::account::User;
use domain::actor::{Actor, ActorKind};
use domain::id::{FarmId, Id, StoreId, UserId};
use domain::permission::{Permission, PermissionSet};
use domain::role::Role;
use gantry_api as api;
use serde_json::json;
use store::By;

use crate::farm::{Answer, NOW, owner, request};
use crate::forward::store;
use crate::relay_matrix::World;

pub const LAW: &str = include_str!("../../../../docs/product.md");

/// The names in a cell of the table, such as `` `a.view` · b.{edit,delete} ``.
pub fn names(cell: &str) -> Vec<String> {
    let mut names = Vec::new();
    for word in cell.split('`').skip(1).step_by(2) {
        match word.split_once(".{") {
            Some((noun, verbs)) => names.extend(verbs.trim_end_matches('}').split(',').map(|verb| format!("{noun}.{verb}"))),
            None => names.push(word.to_owned()),
        }
    }
    names
}

/// What a role has by the law.
pub fn lawful(role: Role) -> BTreeSet<String> {
    let (_, table) = LAW.split_once("### Permissions").unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).skip(2);
    let mut has = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let all = names(cells[0]).into_iter();
        let ticked = |column: usize| cells[column] == "✓";
        match role {
            Role::StoreOwner => has.extend(all),
            Role::Admin => has.extend(all.filter(|name| name != "store.delete" && name != "billing.manage")),
            Role::Operator if ticked(1) => has.extend(all),
            Role::PartManager if ticked(2) => has.extend(all),
            Role::Viewer if ticked(3) => has.extend(all),
            Role::Operator | Role::PartManager | Role::Viewer => {}
        }
    }
    assert!(has.len() > 8, "{role:?}");
    has
}

/// What the operation asks of who has not enough; none if they have.
pub fn lacking(law: &BTreeSet<String>, row: &OperationRow) -> Option<&'static str> {
    let has = |permission: Permission| law.contains(permission.name());
    match row.access {
        Access::Public | Access::Authenticated => None,
        Access::Needs(permission) => (!has(permission)).then(|| permission.name()),
        Access::OwnOrAll(own, all) => (!has(own) && !has(all)).then(|| all.name()),
    }
}

/// Where a key stands that holds all of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    Inside,
    OtherStore,
    OtherTags,
    OtherFarm,
    Expired,
    WrongNetwork,
    Paused,
    SponsorLeft,
    TestKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Agent,
    Relay,
}

/// A key that holds all of a role and stands there.
pub async fn key(world: &World, at: At, role: Role, stands: Stands) -> String {
    let door = match at {
        At::Agent => &world.relay.farm.door,
        At::Relay => &world.relay.relay,
    };
    let home = match at {
        At::Agent => door.home().store_id,
        At::Relay => world.relay.store,
    };
    let mut grants = Grants::unscoped(role.permissions());
    let mut asked: NewApiKey = serde_json::from_value(json!({"name": "key"})).unwrap();
    let mut of: StoreId = home;
    match stands {
        Stands::OtherStore => of = store(2),
        Stands::OtherTags => grants.tags = Scope::Only(["nowhere".parse().unwrap()].into()),
        Stands::OtherFarm => grants.farms = Scope::Only([FarmId::new(NOW, [77; 10])].into()),
        Stands::TestKey => asked.test = true,
        Stands::Expired => asked.expires_at = Some(NOW.plus_seconds(-1)),
        Stands::WrongNetwork => asked.allowed_networks = serde_json::from_value(json!(["203.0.113.0/24"])).unwrap(),
        Stands::Inside | Stands::Paused | Stands::SponsorLeft => {}
    }
    let (sponsor, keep) = match stands {
        Stands::SponsorLeft => (Actor::new(ActorKind::User, UserId::new(NOW, [50 + role as u8; 10])), true),
        Stands::Inside
        | Stands::OtherStore
        | Stands::OtherTags
        | Stands::OtherFarm
        | Stands::Expired
        | Stands::WrongNetwork
        | Stands::Paused
        | Stands::TestKey => (owner(), false),
    };
    let by = By { account_of: Some(of), ..By::new(owner(), NOW) };
    let write = move |tx: &mut store::Tx<'_>| {
        let person = User::of_role(UserId::new(NOW, [50 + role as u8; 10]), "P".parse().unwrap(), Role::StoreOwner, NOW);
        if keep {
            tx.create(&person)?;
        }
        let made = insert_api_key(tx, asked, grants, sponsor)?;
        if keep {
            tx.delete(&person)?;
            api::facts::holder_changed(tx, &Actor::new(ActorKind::User, person.id))?;
        }
        Ok::<_, api::operation::Failure>(made)
    };
    let (secret, id) = door.store.write(by, write).await.unwrap();
    if stands == Stands::Paused {
        let path = format!("/v1/api_keys/{id}/pause");
        match at {
            At::Agent => world.relay.farm.post(&path, json!({})).await.expect(200),
            At::Relay => world.relay.call(&world.owner, "POST", &path, None, &[]).await.expect(200),
        };
    }
    secret
}

/// The operation on this world's own thing, but wrong, so that nothing comes of it where it is let in.
pub async fn knock(world: &World, at: At, key: &str, row: &OperationRow) -> Answer {
    let path = row.path.replace("{id}", "nothing") + "?no_such_parameter=1";
    let call = request(row.method.word(), &path).header("authorization", format!("Bearer {key}"));
    let call = call.body(axum::body::Body::empty()).unwrap();
    match at {
        At::Agent => world.relay.farm.send(call).await,
        At::Relay => world.relay.send(call).await,
    }
}

/// All that is not open to anybody.
pub fn closed() -> impl Iterator<Item = OperationRow> {
    rows().into_iter().filter(|row| row.access != Access::Public)
}

pub const ROLES: [Role; 5] = [Role::StoreOwner, Role::Admin, Role::Operator, Role::PartManager, Role::Viewer];

#[tokio::test]
async fn every_role_is_let_in_by_agent_and_relay_exactly_where_the_law_says() {
    let world = World::new().await;
    let mut tried = BTreeSet::new();
    for at in [At::Agent, At::Relay] {
        for role in ROLES {
            let (law, key) = (lawful(role), key(&world, at, role, Stands::Inside).await);
            for row in rows() {
                let answer = knock(&world, at, &key, &row).await;
                match lacking(&law, &row) {
                    None => assert!([404, 422].contains(&answer.status), "{at:?} {role:?} {}: {}", row.id, answer.status),
                    Some(permission) => {
                        let problem = answer.refused(403, "permission_missing");
                        assert_eq!(problem["permission"], permission, "{at:?} {role:?} {}", row.id);
                    }
                }
                tried.insert(row.id);
            }
        }
    }
    assert_eq!(tried.len(), rows().len(), "every operation was tried");
}

#[tokio::test]
async fn a_key_that_ended_is_paused_comes_from_elsewhere_or_lost_its_sponsor_opens_no_operation_for_any_role() {
    let world = World::new().await;
    for at in [At::Agent, At::Relay] {
        for role in ROLES {
            for stands in [Stands::Expired, Stands::WrongNetwork, Stands::Paused, Stands::SponsorLeft] {
                if at == At::Agent && stands == Stands::SponsorLeft {
                    // People are the relay's; what their leaving does to a farm's copy is told in tests/tunnel.
                    continue;
                }
                let key = key(&world, at, role, stands).await;
                for row in closed() {
                    let answer = knock(&world, at, &key, &row).await;
                    assert_eq!(
                        (answer.status, answer.code().as_str()),
                        (401, "bad_credential"),
                        "{at:?} {role:?} {stands:?} {}",
                        row.id
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn to_every_role_of_another_store_nothing_is_there_and_at_the_agent_its_keys_open_nothing() {
    let world = World::new().await;
    let before = world.relay.counts();
    for role in ROLES {
        let (law, at_relay) = (lawful(role), key(&world, At::Relay, role, Stands::OtherStore).await);
        let at_agent = key(&world, At::Agent, role, Stands::OtherStore).await;
        for row in closed() {
            assert_eq!(knock(&world, At::Agent, &at_agent, &row).await.status, 401, "{role:?} {}", row.id);
            if row.path_names.is_empty() {
                continue;
            }
            let answer = world.right(&at_relay, &row).await;
            match lacking(&law, &row) {
                None => answer.refused(404, "not_found"),
                Some(_) => answer.refused(403, "permission_missing"),
            };
            assert_eq!(world.gone_on(), (0, 0), "{}", row.id);
        }
    }
    let keys =
        |counts: &[(String, i64)]| counts.iter().filter(|(table, _)| !table.contains("api_key")).cloned().collect::<Vec<_>>();
    let told = |table: &str| ["credential", "event", "home", "log", "rec_api_key"].contains(&table);
    let still = |counts: Vec<(String, i64)>| keys(&counts).into_iter().filter(|(table, _)| !told(table)).collect::<Vec<_>>();
    assert_eq!(still(world.relay.counts()), still(before), "nothing but the keys of this test was made");
}

/// What belongs to a printer is nothing to who holds other tags.
const OF_A_PRINTER: [&str; 3] = ["printers", "attempts", "slots"];

#[tokio::test]
async fn to_every_role_that_holds_other_tags_a_printer_and_what_belongs_to_it_is_not_there() {
    let world = World::new().await;
    for at in [At::Agent, At::Relay] {
        for role in ROLES {
            let (law, key) = (lawful(role), key(&world, at, role, Stands::OtherTags).await);
            for row in rows() {
                if row.path_names.is_empty() || !OF_A_PRINTER.contains(&row.noun()) {
                    continue;
                }
                let passed = world.relay.passed();
                let answer = match at {
                    At::Relay => world.right(&key, &row).await,
                    At::Agent => world.right_at_the_farm(&key, &row).await,
                };
                match lacking(&law, &row) {
                    None => answer.refused(404, "not_found"),
                    Some(_) => answer.refused(403, "permission_missing"),
                };
                assert_eq!(world.relay.passed(), passed, "{}", row.id);
            }
        }
    }
}

#[tokio::test]
async fn to_every_role_that_holds_on_another_farm_alone_this_farm_is_closed() {
    let world = World::new().await;
    for role in ROLES {
        let (law, at_relay) = (lawful(role), key(&world, At::Relay, role, Stands::OtherFarm).await);
        let at_agent = key(&world, At::Agent, role, Stands::OtherFarm).await;
        for row in closed() {
            knock(&world, At::Agent, &at_agent, &row).await.refused(403, "grants_exceeded");
            if row.home != Home::Farm {
                continue;
            }
            let (before, answer) = (world.gone_on(), world.right(&at_relay, &row).await);
            let shown = String::from_utf8_lossy(&answer.bytes).into_owned();
            let of_the_store = OF_THE_STORE.contains(&row.noun());
            let looks = row.method == Method::Get && (row.path_names.is_empty() || of_the_store);
            match lacking(&law, &row) {
                Some(_) => drop(answer.refused(403, "permission_missing")),
                None if !row.path_names.is_empty() && !of_the_store => drop(answer.refused(404, "not_found")),
                None if looks => {}
                None => assert!(
                    (400..500).contains(&answer.status) || answer.code() == "farm_offline",
                    "{role:?} {}: {shown}",
                    row.id
                ),
            }
            assert_eq!(world.gone_on(), before, "{role:?} {} went on", row.id);
            for (noun, id) in world.ids.iter().filter(|(noun, _)| !OF_THE_STORE.contains(noun)) {
                assert!(
                    !looks || !shown.contains(id.as_str()),
                    "{} shows the {noun} of a farm that is not theirs: {shown}",
                    row.id
                );
            }
        }
    }
}

/// What belongs to the store and to no farm of it.
const OF_THE_STORE: [&str; 6] = ["api_keys", "deliveries", "roles", "sessions", "users", "webhooks"];

/// What could bring a machine to print, at any door of the API.
#[tokio::test]
async fn a_part_manager_can_start_no_print_by_any_operation() {
    let law = lawful(Role::PartManager);
    let starts = [
        "create_job",
        "retry_job",
        "approve_job",
        "release_job",
        "move_job",
        "edit_job",
        "resume_printer",
        "clear_bed",
        "set_farm_dispatch",
    ];
    for id in starts {
        let row = rows().into_iter().find(|row| row.id == id).unwrap_or_else(|| panic!("no {id}"));
        assert!(lacking(&law, &row).is_some(), "{id}");
    }
    // Whatever else they may call changes files, parts or SKUs, and nothing of these starts anything.
    let may: BTreeSet<&str> =
        rows().iter().filter(|row| row.method != Method::Get && lacking(&law, row).is_none()).map(|row| row.noun()).collect();
    let harmless: BTreeSet<&str> =
        ["files", "parts", "skus", "sessions", "passkeys", "uploads", "pairings", "me", "claims"].into_iter().collect();
    assert!(may.is_subset(&harmless), "{:?}", may.difference(&harmless));
}

#[test]
fn nobody_but_an_owner_may_delete_a_store_or_change_what_it_pays() {
    for role in [Role::Admin, Role::Operator, Role::PartManager, Role::Viewer] {
        let law = lawful(role);
        assert!(!law.contains("store.delete") && !law.contains("billing.manage"), "{role:?}");
    }
    assert_eq!(lawful(Role::StoreOwner).len(), PermissionSet::all().iter().count());
}
