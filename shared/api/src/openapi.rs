//! The OpenAPI 3.1 document, written from the registry. Nothing restates an operation here.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use contract::event::{API_VERSION, Event};
use contract::operation::{BodyForm, Home, Method, Nature, OperationRow};
use contract::problem::{Code, Problem};
use domain::access::Access;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::bulk::BulkBody;
use crate::registry::rows;

/// The document as text; made once.
pub fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| serde_json::to_string_pretty(&document()).unwrap_or_default())
}

/// The document.
pub fn document() -> Value {
    let mut replies = generator();
    let mut requests = generator();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for row in rows() {
        let operation = operation(&row, &mut replies, &mut requests);
        paths.entry(row.path.to_owned()).or_default().insert(row.method.word().to_lowercase(), operation);
        if let Some(path) = row.bulk_path() {
            paths.entry(path).or_default().insert("post".into(), bulk(&row, &mut replies, &mut requests));
        }
    }
    let event = replies.subschema_for::<Event>();
    let problem = replies.subschema_for::<Problem>();
    let mut schemas = requests.take_definitions(false);
    for (name, mut schema) in replies.take_definitions(false) {
        open_words(&name, &mut schema);
        schemas.insert(name, schema);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gantry",
            "version": API_VERSION,
            "summary": "Runs a 3D-print farm.",
            "description": "One API at the agent (on the farm's network) and at the relay (everywhere), with the same paths. Words in answers are open: \
                            new ones may come, clients must accept them. Unknown fields of a request are refused; unknown fields of an answer are to be ignored.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"session": []}],
        "tags": tags(),
        "paths": paths,
        "webhooks": {"event": {"post": {
            "operationId": "event",
            "summary": "An event, as the log, the stream and webhooks tell it.",
            "requestBody": {"content": {"application/json": {"schema": event}}},
            "responses": {"2XX": {"description": "Taken."}},
        }}},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key: `gty_live_…`."},
                "session": {"type": "apiKey", "in": "cookie", "name": crate::auth::COOKIE, "description": "A session of the page; at a relay the cookie is `gantry_relay_session`, and over TLS its name begins with `__Host-`."},
            },
            "responses": {"Problem": {
                "description": "What is wrong (RFC 9457). `GET /v1/errors` lists the codes.",
                "content": {"application/problem+json": {"schema": problem}},
            }},
        },
    })
}

fn generator() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    settings.into_generator()
}

fn tags() -> Vec<Value> {
    let nouns: std::collections::BTreeSet<&str> = rows().iter().map(OperationRow::noun).collect();
    nouns.into_iter().map(|noun| json!({"name": noun})).collect()
}

fn operation(row: &OperationRow, replies: &mut SchemaGenerator, requests: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = row
        .path_names
        .iter()
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}, "description": "The thing's id."}))
        .collect();
    parameters.extend((row.parameters)(requests));
    parameters.extend(pipeline_parameters(row));
    let mut operation = json!({
        "operationId": row.id,
        "summary": row.summary,
        "description": described(row, row.about),
        "tags": [row.noun()],
        "parameters": parameters,
        "responses": responses(row, (row.reply_schema)(replies)),
        "x-permission": permission(row.access),
        "x-home": row.home,
        "x-served-by": served_by(row),
        "x-offline": row.nature,
        "x-ai": row.ai,
    });
    if let Some(schema) = (row.body_schema)(requests) {
        operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    }
    if row.body == BodyForm::Bytes && row.method == Method::Post {
        operation["requestBody"] = json!({"required": true, "content": {"multipart/form-data": {"schema": {
            "type": "object", "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}}, "required": ["file"],
        }}}});
    }
    if row.body == BodyForm::Bytes && row.method == Method::Patch {
        operation["requestBody"] = json!({"required": true, "content": {"application/offset+octet-stream": {}}});
    }
    if row.access == Access::Public {
        operation["security"] = json!([]);
    }
    operation
}

fn bulk(row: &OperationRow, replies: &mut SchemaGenerator, requests: &mut SchemaGenerator) -> Value {
    let reply = contract::list::BulkReply::schema(replies);
    let body = requests.subschema_for::<BulkBody>();
    json!({
        "operationId": format!("bulk_{}", row.id),
        "summary": format!("{} For up to 200 at once.", row.summary),
        "description": described(row, "Each is a call of its own; the answer has a result per id."),
        "tags": [row.noun()],
        "requestBody": {"required": true, "content": {"application/json": {"schema": body}}},
        "responses": {"200": {"description": "A result per id.", "content": {"application/json": {"schema": reply}}}, "default": {"$ref": "#/components/responses/Problem"}},
        "x-permission": permission(row.access),
        "x-home": row.home,
        "x-served-by": served_by(row),
        "x-offline": row.nature,
        "x-ai": "hidden",
    })
}

trait SchemaOf {
    fn schema(generator: &mut SchemaGenerator) -> Value;
}

impl<T: JsonSchema> SchemaOf for T {
    fn schema(generator: &mut SchemaGenerator) -> Value {
        generator.subschema_for::<T>().to_value()
    }
}

fn described(row: &OperationRow, about: &str) -> String {
    let needs = match row.access {
        Access::Public => "Anybody may call it.".to_owned(),
        Access::Authenticated => "Any signed-in caller may call it; the answer shows what they may see.".to_owned(),
        Access::Needs(permission) => format!("**Permission:** `{permission}`: {}.", permission.text()),
        Access::OwnOrAll(own, all) => format!("**Permission:** `{own}` for your own, `{all}` for all."),
    };
    if about.is_empty() { needs } else { format!("{about}\n\n{needs}") }
}

fn permission(access: Access) -> Value {
    match access {
        Access::Public => json!("public"),
        Access::Authenticated => json!("authenticated"),
        Access::Needs(permission) => json!(permission),
        Access::OwnOrAll(own, all) => json!({"own": own, "all": all}),
    }
}

fn served_by(row: &OperationRow) -> Value {
    match (row.home, row.nature) {
        (Home::Account, Nature::Mailbox | Nature::Refused) => json!(["relay"]),
        (Home::Farm | Home::Account | Home::Door, _) => json!(["agent", "relay"]),
    }
}

fn pipeline_parameters(row: &OperationRow) -> Vec<Value> {
    let header = |name: &str, schema: Value, text: &str| json!({"name": name, "in": "header", "required": false, "schema": schema, "description": text});
    let mut list = Vec::new();
    if row.method == Method::Post {
        list.push(header(
            "Idempotency-Key",
            json!({"type": "string", "maxLength": 255}),
            "The same key and body give the first answer again, for 7 days.",
        ));
    }
    if matches!(row.method, Method::Patch | Method::Delete) || (row.method == Method::Post && !row.path_names.is_empty()) {
        list.push(header("If-Match", json!({"type": "string"}), "The ETag that you saw; another revision is 412."));
    }
    if row.dry_run {
        list.push(json!({"name": "dry_run", "in": "query", "required": false, "schema": {"type": "boolean"}, "description": "Tell what would happen; change nothing."}));
    }
    list
}

fn responses(row: &OperationRow, reply: Value) -> Value {
    let success = match (row.status, row.body) {
        (204, _) => json!({"description": "Done."}),
        (_, BodyForm::Bytes) if row.method == Method::Get => json!({"description": "The bytes."}),
        (_, BodyForm::Nothing | BodyForm::Json | BodyForm::Bytes) => {
            json!({"description": "Done.", "content": {"application/json": {"schema": reply}}})
        }
    };
    let mut responses = json!({row.status.to_string(): success, "default": {"$ref": "#/components/responses/Problem"}});
    let statuses = [
        (Code::Unauthenticated, row.access != Access::Public),
        (Code::PermissionMissing, matches!(row.access, Access::Needs(_) | Access::OwnOrAll(..))),
        (Code::NotFound, !row.path_names.is_empty()),
        (Code::InvalidRequest, true),
    ];
    for (code, _) in statuses.into_iter().filter(|(_, applies)| *applies) {
        responses[code.status().to_string()] = json!({"$ref": "#/components/responses/Problem"});
    }
    responses
}

/// Words in answers are open: what is known stands in `x-known-values`, and a client that was generated
/// today takes tomorrow's word. `Phase` alone is closed.
fn open_words(name: &str, schema: &mut Value) {
    if name == "Phase" {
        return;
    }
    match schema {
        Value::Object(fields) => {
            let strings = fields.get("type").and_then(Value::as_str) == Some("string");
            if strings && let Some(words) = fields.remove("enum") {
                fields.insert("x-known-values".into(), words);
            }
            if let Some(Value::Array(variants)) = fields.get("oneOf")
                && variants.iter().all(|variant| variant.get("const").is_some_and(Value::is_string))
            {
                let words: Vec<Value> = variants.iter().filter_map(|variant| variant.get("const").cloned()).collect();
                let meanings: Map<String, Value> = variants
                    .iter()
                    .filter_map(|variant| Some((variant.get("const")?.as_str()?.to_owned(), variant.get("description")?.clone())))
                    .collect();
                fields.remove("oneOf");
                fields.insert("type".into(), "string".into());
                fields.insert("x-known-values".into(), words.into());
                fields.insert("x-meanings".into(), meanings.into());
            }
            fields.values_mut().for_each(|inner| open_words("", inner));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| open_words("", inner)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
