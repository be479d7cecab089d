//! The people of the floor at the command line.

use crate::farm::Farm;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_added_given_a_pin_paused_and_removed() {
    let farm = Farm::start().await;
    farm.gantry(&["operators", "add", "Anna", "--role", "operator", "--tag", "rack-a"]).await.ok();
    assert!(farm.gantry(&["operators"]).await.ok().starts_with("Anna\tactive\tunset\toperator\track-a\topr_"));
    let worn = farm.with_key(&farm.key, &["operators", "pin", "Anna"], "123456\n").await;
    assert!(worn.code == 2 && worn.err.contains("tried first"), "{worn:?}");
    farm.with_key(&farm.key, &["operators", "pin", "Anna"], "482913\n").await.ok();
    farm.gantry(&["operators", "edit", "Anna", "--role", "viewer"]).await.ok();
    assert!(farm.gantry(&["operators"]).await.ok().starts_with("Anna\tactive\tset\tviewer\track-a\t"));
    assert_eq!(farm.gantry(&["operators", "pause", "Anna"]).await.ok(), "Anna is paused.");
    assert_eq!(farm.gantry(&["operators", "remove", "Anna"]).await.code, 2, "it asks for a yes");
    farm.gantry(&["operators", "remove", "Anna", "--yes"]).await.ok();
    assert_eq!(farm.gantry(&["operators"]).await.ok(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_listed_and_removed() {
    let farm = Farm::start().await;
    farm.gantry(&["api", "create_device", "name=Wall", "role=viewer"]).await.ok();
    assert!(farm.gantry(&["devices", "--state", "invited"]).await.ok().starts_with("Wall\tinvited\tviewer\t"));
    farm.gantry(&["devices", "remove", "Wall", "--yes"]).await.ok();
    assert_eq!(farm.gantry(&["devices"]).await.ok(), "");
}
