//! Each preset's first call, as a person types it into a shell, against doors that run.

use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use crate::pair::Pair;

#[tokio::test]
async fn the_first_call_of_each_preset_works_as_it_is_shown_at_the_farm_and_at_its_relay() {
    let pair = Pair::new().await;
    let (_, owner) = pair.store("Shop").await;
    let farm = pair.farm_owner().await;
    for at_relay in [false, true] {
        let door = if at_relay { &owner } else { &farm };
        let presets = door.get("/v1/api_key_presets").await.good();
        for preset in presets["items"].as_array().unwrap() {
            let asked = json!({"name": preset["title"], "preset": preset["preset"]});
            let made = door.post("/v1/api_keys", asked).await.good();
            let curl = format!("{} -sS --fail-with-body --noproxy '*'", made["curl"].as_str().unwrap());
            let said = Command::new("sh").args(["-c", &curl]).stdin(Stdio::null()).output().await.unwrap();
            let text = String::from_utf8_lossy(&said.stdout).into_owned();
            assert!(said.status.success(), "{curl}: {text} {}", String::from_utf8_lossy(&said.stderr));
        }
        if !at_relay {
            pair.claim(&farm, &owner).await;
        }
    }
}
