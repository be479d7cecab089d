//! The people of a store and its roles at the command line, at its relay.

use crate::claim::Ends;
use crate::farm::Farm;

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_invited_changed_suspended_and_reinstated() {
    let ends = Ends::start().await;
    let owner = ends.store("Shop").await;
    let link = ends.at_the_relay(&owner, &["users", "invite", "Ben", "--email", "ben@farm.example", "--tag", "rack-a"]).await;
    assert!(link.err.contains("Give this link to Ben"), "{link:?}");
    let link = link.ok();
    assert!(link.starts_with("http://127.0.0.1:") && link.contains("/account#token="), "{link}");
    let listed = ends.at_the_relay(&owner, &["users", "--state", "invited"]).await.ok();
    assert!(listed.starts_with("Ben\tben@farm.example\tinvited\toperator\track-a\t\tusr_"), "{listed}");

    let renewed = ends.at_the_relay(&owner, &["users", "link", "Ben"]).await.ok();
    assert!(renewed.contains("/account#token=") && renewed != link, "{renewed}");
    assert_eq!(ends.at_the_relay(&owner, &["users", "edit", "Ben"]).await.code, 2, "nothing is to change");
    let line = ["users", "edit", "Ben", "--role", "viewer", "--permission", "file.upload", "--tag", "all"];
    ends.at_the_relay(&owner, &line).await.ok();
    let listed = ends.at_the_relay(&owner, &["users", "--role", "viewer"]).await.ok();
    assert!(listed.starts_with("Ben\tben@farm.example\tinvited\tviewer +1\t\t\t"), "{listed}");
    let more = ends.at_the_relay(&owner, &["users", "edit", "Ben", "--permission", "store.delete"]).await;
    assert_eq!(more.code, 4, "nobody gives what they lack: {more:?}");
    let early = ends.at_the_relay(&owner, &["users", "suspend", "Ben"]).await;
    assert!(early.code == 6 && early.err.contains("not come yet"), "{early:?}");
    ends.comes_by(&link_of(&renewed)).await;
    assert_eq!(ends.at_the_relay(&owner, &["users", "suspend", "Ben"]).await.ok(), "Ben is suspended.");
    assert_eq!(ends.at_the_relay(&owner, &["users", "reinstate", "Ben"]).await.ok(), "Ben is active.");
}

/// The token of a link.
fn link_of(link: &str) -> String {
    link.trim().rsplit_once("token=").unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_removed_is_asked_about_and_so_is_each_thing_that_hangs_on_them() {
    let ends = Ends::start().await;
    let owner = ends.store("Shop").await;
    ends.at_the_relay(&owner, &["users", "invite", "Ben", "--email", "ben@farm.example", "--role", "admin"]).await.ok();
    let ben = ends.at_the_relay(&owner, &["users", "--json"]).await.json()["items"][0].clone();
    assert_eq!(ends.at_the_relay(&owner, &["users", "remove", "Ben"]).await.code, 2, "it asks for a yes");
    ends.at_the_relay(&owner, &["keys", "create", "shop", "--role", "viewer"]).await.ok();
    let made = ends.at_the_relay(&owner, &["keys", "--json"]).await.json();
    let key = made["items"].as_array().unwrap().iter().find(|key| key["name"] == "shop").unwrap()["id"].clone();
    let foreign = format!("{}=keep", key.as_str().unwrap());
    let wrong = ends.at_the_relay(&owner, &["users", "remove", "Ben", "--thing", &foreign, "--yes"]).await;
    assert!(wrong.code == 2 && wrong.err.contains("no such key"), "{wrong:?}");
    let nonsense = ends.at_the_relay(&owner, &["users", "remove", "Ben", "--thing", "keep", "--yes"]).await;
    assert!(nonsense.code == 2 && nonsense.err.contains("--thing key_…=keep"), "{nonsense:?}");
    assert_eq!(
        ends.at_the_relay(&owner, &["users", "remove", "Ben", "--others", "revoke", "--yes"]).await.ok(),
        "Ben is removed."
    );
    let gone = ends.at_the_relay(&owner, &["users", "edit", ben["id"].as_str().unwrap(), "--name", "Benno"]).await;
    assert_eq!(gone.code, 3, "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_made_changed_given_and_deleted_when_nobody_has_it() {
    let ends = Ends::start().await;
    let owner = ends.store("Shop").await;
    let at = async |line: &[&str]| ends.at_the_relay(&owner, line).await;
    at(&["roles", "create", "Packer", "--permission", "job.view", "--permission", "queue.view"]).await.ok();
    at(&["roles", "edit", "Packer", "--add", "file.view", "--take", "queue.view"]).await.ok();
    let listed = at(&["roles"]).await.ok();
    assert!(listed.starts_with("Packer\t") && listed.contains("file.view") && !listed.contains("queue.view"), "{listed}");
    at(&["users", "invite", "Ben", "--email", "ben@farm.example", "--role", "Packer"]).await.ok();
    assert!(at(&["users", "--role", "Packer"]).await.ok().starts_with("Ben\t"));
    let used = at(&["roles", "delete", "Packer", "--yes"]).await;
    assert!(used.code == 6 && used.err.contains("Ben has the role"), "{used:?}");
    at(&["users", "edit", "Ben", "--role", "viewer"]).await.ok();
    at(&["roles", "delete", "Packer", "--yes"]).await.ok();
    assert_eq!(at(&["roles"]).await.ok(), "");
    assert!(at(&["roles", "permissions"]).await.ok().contains("job.create\t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_farm_that_belongs_to_nobody_has_no_people_and_makes_no_roles() {
    let farm = Farm::start().await;
    let invited = farm.gantry(&["users", "invite", "Ben", "--email", "ben@farm.example"]).await;
    assert!(invited.code == 6 && invited.err.contains("relay"), "{invited:?}");
    let made = farm.gantry(&["roles", "create", "Packer", "--permission", "job.view"]).await;
    assert!(made.code == 6 && made.err.contains("relay"), "{made:?}");
}
