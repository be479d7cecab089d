//! SKUs and orders: what they may name, what they share with no other, and what of them is shown to whom.

use domain::permission::Permission;
use http::Method;
use serde_json::{Value, json};

use crate::farm::Farm;

async fn made(farm: &Farm, path: &str, body: Value) -> String {
    farm.post(path, body).await.expect(201)["id"].as_str().unwrap().to_owned()
}

fn pointer(problem: &Value) -> &str {
    problem["errors"][0]["pointer"].as_str().unwrap()
}

#[tokio::test]
async fn a_sku_or_an_order_that_names_what_is_not_there_is_told_where() {
    let farm = Farm::new().await;
    let gone = |prefix: &str| format!("{prefix}_{}", "0".repeat(32));
    let part = made(&farm, "/v1/parts", json!({"name": "Part"})).await;
    let sku = json!({"name": "n", "code": "c", "parts": [{"part_id": part, "quantity": 2}]});
    let id = made(&farm, "/v1/skus", sku).await;
    let order = made(&farm, "/v1/orders", json!({"name": "1"})).await;
    let before = farm.counts();
    let parts = json!([{"part_id": part, "quantity": 1}, {"part_id": gone("part"), "quantity": 1}]);
    let wrong = farm.post("/v1/skus", json!({"name": "n", "code": "d", "parts": parts})).await.refused(422, "invalid_request");
    assert_eq!(pointer(&wrong), "/parts/1/part_id");
    let wrong = farm.patch(&format!("/v1/skus/{id}"), json!({"parts": parts})).await.refused(422, "invalid_request");
    assert_eq!(pointer(&wrong), "/parts/1/part_id");
    for (item, place) in [
        (json!({"sku_id": gone("sku"), "quantity": 1}), "/items/0/sku_id"),
        (json!({"part_id": gone("part"), "quantity": 1}), "/items/0/part_id"),
        (json!({"quantity": 1}), "/items/0"),
        (json!({"title": "t", "sku_id": id, "quantity": 1}), "/items/0"),
        (json!({"title": "t", "quantity": 0}), "/items/0/quantity"),
        (json!({"id": gone("itm"), "title": "t", "quantity": 1}), "/items/0/id"),
    ] {
        let body = json!({"name": "2", "items": [item]});
        let made = farm.post("/v1/orders", body.clone()).await.refused(422, "invalid_request");
        let edited = farm.patch(&format!("/v1/orders/{order}"), body).await.refused(422, "invalid_request");
        assert_eq!((pointer(&made), pointer(&edited)), (place, place));
    }
    assert_eq!(farm.counts(), before);
}

#[tokio::test]
async fn a_part_and_a_sku_stay_while_something_is_made_of_them_or_wants_them() {
    let farm = Farm::new().await;
    let part = made(&farm, "/v1/parts", json!({"name": "Part"})).await;
    let parts = json!([{"part_id": part, "quantity": 2}]);
    let sku = made(&farm, "/v1/skus", json!({"name": "n", "code": "c", "parts": parts})).await;
    let items = json!([{"sku_id": sku, "quantity": 1}, {"part_id": part, "quantity": 1}]);
    let order = made(&farm, "/v1/orders", json!({"name": "1", "items": items})).await;
    let (part_path, sku_path) = (format!("/v1/parts/{part}"), format!("/v1/skus/{sku}"));
    let said = async |path: &str| farm.delete(path).await.refused(409, "in_use")["detail"].as_str().unwrap().to_owned();
    assert!(said(&part_path).await.contains(&sku));
    assert!(said(&sku_path).await.contains(&order));
    farm.patch(&sku_path, json!({"parts": []})).await.expect(200);
    assert!(said(&part_path).await.contains(&order));
    farm.post(&format!("/v1/orders/{order}/close"), json!({})).await.expect(200);
    farm.delete(&sku_path).await.expect(204);
    farm.delete(&part_path).await.expect(204);
}

#[tokio::test]
async fn a_code_and_an_external_id_belong_to_one_sku_and_one_order_of_a_source() {
    let farm = Farm::new().await;
    let first = made(&farm, "/v1/skus", json!({"name": "n", "code": "a", "external_id": "x"})).await;
    let second = made(&farm, "/v1/skus", json!({"name": "n", "code": "b"})).await;
    for body in [json!({"code": "a"}), json!({"external_id": "x"})] {
        let other = farm.patch(&format!("/v1/skus/{second}"), body.clone()).await.refused(409, "already_exists");
        assert_eq!(other["subject"], json!(first));
        farm.patch(&format!("/v1/skus/{first}"), body).await.expect(200);
    }
    farm.post("/v1/skus", json!({"name": "n", "code": "a"})).await.refused(409, "already_exists");
    let order = made(&farm, "/v1/orders", json!({"name": "1", "external_id": "x"})).await;
    let shop = made(&farm, "/v1/orders", json!({"name": "1", "external_id": "x", "source": "retail"})).await;
    for source in ["manual", "retail"] {
        let twice = json!({"name": "1", "external_id": "x", "source": source});
        farm.post("/v1/orders", twice).await.refused(409, "already_exists");
    }
    let path = |id: &str| format!("/v1/orders/{id}");
    farm.patch(&path(&order), json!({"external_id": null})).await.expect(200);
    farm.patch(&path(&order), json!({"external_id": "x"})).await.expect(200);
    let found = farm.get("/v1/orders?external_id=x&source=retail").await.expect(200);
    assert_eq!((found["items"][0]["id"].as_str(), found["items"].as_array().unwrap().len()), (Some(&*shop), 1));
}

#[tokio::test]
async fn how_an_order_was_made_and_ended_is_told_by_name_and_it_ends_once() {
    let farm = Farm::new().await;
    let before = farm.event_words().len();
    let manual = made(&farm, "/v1/orders", json!({"name": "1"})).await;
    let retail = made(&farm, "/v1/orders", json!({"name": "2", "source": "retail"})).await;
    let other = made(&farm, "/v1/orders", json!({"name": "3"})).await;
    let cancel = json!({"ids": [manual, other], "with": {"reason": "nobody wants it"}});
    let results = farm.post("/v1/orders/actions/cancel", cancel).await.expect(200)["results"].clone();
    assert!(results.as_array().unwrap().iter().all(|result| result["ok"] == true), "{results}");
    farm.post(&format!("/v1/orders/{retail}/close"), json!({})).await.expect(200);
    assert_eq!(
        farm.event_words()[before..],
        [
            "order.created_manual",
            "order.created_retail",
            "order.created_manual",
            "order.cancelled",
            "order.cancelled",
            "order.closed"
        ]
    );
    let cancelled = farm.get(&format!("/v1/orders/{manual}")).await.expect(200);
    assert_eq!((&cancelled["state"], &cancelled["cancel_reason"]), (&json!("cancelled"), &json!("nobody wants it")));
    assert!(cancelled["ended_at"].is_string());
    let counts = farm.counts();
    for id in [&manual, &retail] {
        for end in ["cancel", "close"] {
            farm.post(&format!("/v1/orders/{id}/{end}"), json!({})).await.refused(409, "illegal_state");
        }
        farm.patch(&format!("/v1/orders/{id}"), json!({"name": "late"})).await.refused(409, "illegal_state");
    }
    assert_eq!(farm.counts(), counts);
    let open = farm.get("/v1/orders?state=open&include=total").await.expect(200);
    assert_eq!(open["total"], 0);
}

#[tokio::test]
async fn items_keep_their_ids_and_an_edit_of_the_customer_changes_what_it_names() {
    let farm = Farm::new().await;
    let body = json!({"name": "1", "customer": {"name": "Ada", "email": "ada@example.org"},
        "items": [{"title": "a", "quantity": 1, "external_id": "l1", "metadata": {"k": "v"}}, {"title": "b", "quantity": 2}]});
    let order = farm.post("/v1/orders", body).await.expect(201);
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    let item = &order["items"][1];
    assert!(item["id"].as_str().unwrap().starts_with("itm_"));
    assert_eq!(
        (&item["allocated"], &item["printed"], &item["good"], &item["shipped"]),
        (&json!(0), &json!(0), &json!(0), &json!(0))
    );
    let items = json!([{"title": "c", "quantity": 1}, {"id": item["id"], "title": "b", "quantity": 3}]);
    let edited = farm.patch(&path, json!({"items": items, "customer": {"email": null, "phone": "1"}})).await.expect(200);
    assert_eq!((&edited["items"][1]["id"], &edited["items"][1]["quantity"]), (&item["id"], &json!(3)));
    assert_ne!(edited["items"][0]["id"], order["items"][0]["id"]);
    assert_eq!(edited["customer"], json!({"name": "Ada", "phone": "1"}));
    farm.patch(&path, json!({"customer": {"name": null}})).await.refused(422, "invalid_request");
    assert!(farm.patch(&path, json!({"customer": null})).await.expect(200).get("customer").is_none());
    assert_eq!(farm.patch(&path, json!({"customer": {"name": "Bo"}})).await.expect(200)["customer"], json!({"name": "Bo"}));
}

#[tokio::test]
async fn who_may_not_see_customers_neither_sees_them_nor_finds_orders_by_them() {
    let farm = Farm::new().await;
    made(&farm, "/v1/orders", json!({"name": "Ada's", "customer": {"name": "Zoe"}})).await;
    made(&farm, "/v1/orders", json!({"name": "1043", "customer": {"name": "Ada"}, "due_at": "2027-01-01T00:00:00Z"})).await;
    let key = farm.key_with(&[Permission::OrderView, Permission::EventView]).await;
    let count = |page: Value| page["items"].as_array().unwrap().len();
    assert_eq!(count(farm.get("/v1/orders?q=ada").await.expect(200)), 2);
    assert_eq!(count(farm.get("/v1/orders?customer_name=Ada").await.expect(200)), 1);
    let seen = farm.get_as(&key, "/v1/orders?q=ada").await.expect(200);
    assert_eq!((count(seen.clone()), &seen["items"][0]["name"]), (1, &json!("Ada's")));
    assert_eq!(count(farm.get_as(&key, "/v1/orders?q=zoe").await.expect(200)), 0);
    assert_eq!(count(farm.get_as(&key, "/v1/orders?due_before=2027-02-01T00:00:00Z").await.expect(200)), 1);
    for query in ["customer_name=Ada", "sort=customer_name", "sort=-customer_name"] {
        let refused = farm.get_as(&key, &format!("/v1/orders?{query}")).await.refused(403, "permission_missing");
        assert_eq!(refused["permission"], "customer.view");
    }
    for path in ["/v1/orders", "/v1/events?type=order.created_manual"] {
        let all = String::from_utf8(farm.get_as(&key, path).await.bytes).unwrap();
        assert!(all.contains("1043") && !all.contains("Zoe"), "{path}");
    }
}

#[tokio::test]
async fn a_part_manager_keeps_skus_and_neither_sees_nor_makes_orders() {
    let farm = Farm::new().await;
    let key = farm.key_of(domain::access::Grants::unscoped(domain::role::Role::PartManager.permissions())).await;
    let call = async |method: Method, path: &str, body: Option<Value>| farm.call_as(&key, method, path, body, &[]).await;
    let sku = json!({"name": "n", "code": "c", "price": {"amount_minor": 1990, "currency": "EUR"}, "metadata": {"shop": "a"}});
    let sku = call(Method::POST, "/v1/skus", Some(sku)).await.expect(201);
    let path = format!("/v1/skus/{}", sku["id"].as_str().unwrap());
    let cheaper = call(Method::PATCH, &path, Some(json!({"price": {"amount_minor": 990}}))).await.expect(200);
    assert_eq!(cheaper["price"], json!({"amount_minor": 990, "currency": "EUR"}));
    let found = call(Method::GET, "/v1/skus?metadata.shop=a&code=c", None).await.expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    call(Method::GET, "/v1/orders", None).await.refused(403, "permission_missing");
    call(Method::POST, "/v1/orders", Some(json!({"name": "1"}))).await.refused(403, "permission_missing");
    call(Method::DELETE, &path, None).await.expect(204);
}
