//! What is told of keys.

use crate::farm::Farm;

#[tokio::test]
async fn what_a_key_was_used_for_is_shown_by_day_and_door_and_from_where() {
    let farm = Farm::start().await;
    let secret = farm.gantry(&["keys", "create", "shop", "--role", "viewer"]).await.ok();
    assert!(farm.gantry(&["keys", "usage", "shop"]).await.ok().is_empty());
    farm.with_key(secret.trim(), &["printers"], "").await.ok();
    assert_ne!(farm.with_key(secret.trim(), &["keys"], "").await.code, 0);
    let said = farm.gantry(&["keys", "usage", "shop"]).await;
    assert!(said.err.contains("It came to the agent from 127.0.0.0/24"), "{said:?}");
    let line = said.ok();
    let cells: Vec<&str> = line.trim_end().split('\t').collect();
    // A command may ask more than one thing; of what it asked one was refused.
    assert_eq!((cells[1], &cells[4..]), ("agent", ["0", "1", "0"].as_slice()), "{line}");
    assert!(cells[3].parse::<u32>().is_ok_and(|calls| calls >= 2), "{line}");
    let json = farm.gantry(&["--json", "keys", "usage", "shop"]).await.json();
    assert_eq!(json["total"]["refused"], 1);
}
