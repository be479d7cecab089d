//! A farm whose certificate an authority of its own vouches for.

use agent::config::Config;

use crate::authority::Authority;
use crate::farm::{Farm, run};

async fn farm() -> Farm {
    Farm::start_with(|folder| {
        let authority = Authority::new(folder);
        Config {
            certificate: Some(authority.certificate),
            private_key: Some(authority.private_key),
            host_names: vec!["localhost".to_owned()],
            ..Config::default()
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_ones_own_is_trusted_when_it_is_named_and_kept_with_the_key() {
    let farm = farm().await;
    assert!(farm.url.starts_with("https://localhost:"), "{}", farm.url);
    let said = farm.gantry(&["status"]).await;
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.err.contains("certificate") && said.err.contains("--ca-file"), "{said:?}");

    assert!(farm.gantry(&["status", "--ca-file", "ca.pem"]).await.ok().contains("farm\t"));
    let mut by_environment = farm.command(&["status"]);
    by_environment.env("GANTRY_KEY", &farm.key).env("GANTRY_URL", &farm.url).env("GANTRY_CA", "ca.pem");
    assert_eq!(run(by_environment, "").await.code, 0);

    run(farm.command(&["login", "--url", &farm.url, "--ca-file", "ca.pem"]), &farm.key).await.ok();
    let mut elsewhere = farm.command(&["status"]);
    elsewhere.current_dir("/");
    assert!(run(elsewhere, "").await.ok().contains("farm\t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_certificates_is_no_authority() {
    let farm = farm().await;
    for file in ["key.pem", "absent.pem"] {
        let said = farm.gantry(&["status", "--ca-file", file]).await;
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(file), "{said:?}");
    }
}
