//! Signing in.

use crate::farm::{Farm, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_kept_opens_the_farm_until_it_is_forgotten() {
    let farm = Farm::start().await;
    let mut login = farm.command(&["login"]);
    login.env("GANTRY_URL", &farm.url);
    let said = run(login, &format!("{}\n", farm.key)).await;
    assert!(said.out.starts_with("Signed in"), "{said:?}");
    assert!(!format!("{said:?}").contains(&farm.key), "the key is never shown");

    assert!(run(farm.command(&["status"]), "").await.ok().contains("farm\t"));
    assert_eq!(run(farm.command(&["logout"]), "").await.code, 0);
    assert_eq!(run(farm.command(&["status"]), "").await.code, 4);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_kept_key_is_its_owners_alone_and_goes_to_no_other_address() {
    use std::os::unix::fs::PermissionsExt;
    let farm = Farm::start().await;
    run(farm.command(&["login", "--url", &farm.url]), &farm.key).await.ok();
    let file = farm.folder.path().join("config/gantry/login.json");
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let said = run(farm.command(&["status", "--url", "http://127.0.0.1:9"]), "").await;
    assert_eq!(said.code, 4, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_opens_nothing_is_not_kept() {
    let farm = Farm::start().await;
    let said = run(farm.command(&["login", "--url", &farm.url]), "gty_test_nonsense").await;
    assert_eq!(said.code, 4, "{said:?}");
    assert!(!farm.folder.path().join("config/gantry").exists());
}
