//! Stock: what is on hand is the sum of its ledger.

use serde_json::{Value, json};

use crate::farm::Farm;

#[tokio::test]
async fn what_is_on_hand_is_the_sum_of_the_ledger_of_each_place() {
    let farm = Farm::new().await;
    let sku = farm.post("/v1/skus", json!({"name": "n", "code": "c"})).await.expect(201)["id"].clone();
    let adjust = async |delta: i64, location: Value| {
        let mut body = json!({"sku_id": sku, "delta": delta, "reason": "counted"});
        if location.is_string() {
            body["location"] = location;
        }
        farm.post("/v1/stock/adjust", body).await
    };
    let here = adjust(5, Value::Null).await.expect(200);
    let shelf = adjust(2, json!("shelf")).await.expect(200);
    assert_ne!(here["id"], shelf["id"]);
    assert_eq!(adjust(-3, Value::Null).await.expect(200)["on_hand"], 2);
    let before = farm.counts();
    for (delta, location) in [(-3, Value::Null), (-1, json!("nowhere"))] {
        adjust(delta, location).await.refused(409, "illegal_state");
    }
    adjust(0, Value::Null).await.refused(422, "invalid_request");
    let unknown = json!({"sku_id": format!("sku_{}", "0".repeat(32)), "delta": 1, "reason": "x"});
    let unknown = farm.post("/v1/stock/adjust", unknown).await.refused(422, "invalid_request");
    assert_eq!(unknown["errors"][0]["pointer"], "/sku_id");
    assert_eq!(farm.counts(), before);
    for stock in farm.get("/v1/stock").await.expect(200)["items"].as_array().unwrap() {
        let ledger = farm.get(&format!("/v1/stock/{}/ledger", stock["id"].as_str().unwrap())).await.expect(200);
        let sum: i64 = ledger["items"].as_array().unwrap().iter().map(|entry| entry["delta"].as_i64().unwrap()).sum();
        assert_eq!(stock["on_hand"], json!(sum));
    }
}

#[tokio::test]
async fn a_sku_of_which_pieces_lie_ready_stays_until_they_are_gone() {
    let farm = Farm::new().await;
    let sku = farm.post("/v1/skus", json!({"name": "n", "code": "c"})).await.expect(201)["id"].clone();
    let path = format!("/v1/skus/{}", sku.as_str().unwrap());
    let adjust = async |delta: i64| {
        farm.post("/v1/stock/adjust", json!({"sku_id": sku, "delta": delta, "reason": "x"})).await.expect(200);
    };
    adjust(2).await;
    let said = farm.delete(&path).await.refused(409, "in_use");
    assert!(said["detail"].as_str().unwrap().starts_with("2 pieces"), "{said}");
    adjust(-2).await;
    farm.delete(&path).await.expect(204);
    assert_eq!(farm.get("/v1/stock").await.expect(200)["items"], json!([]));
}
