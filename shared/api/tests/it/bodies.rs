//! Bodies made from the JSON schemas of the registry: so that an operation that was added today is
//! tried today.

use contract::operation::OperationRow;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

/// What a schema cannot say: ids and words that must be known to the farm.
pub type Known = Vec<(&'static str, Value)>;

/// The body that holds every required field, or every field.
pub fn valid(row: &OperationRow, known: &Known, all: bool) -> Option<Value> {
    let mut generator = SchemaGenerator::default();
    let schema = (row.body_schema)(&mut generator)?;
    let definitions = generator.take_definitions(false);
    Some(Maker { definitions: &definitions, known, all }.value("", &schema))
}

/// The names of a body's fields.
pub fn fields(row: &OperationRow) -> Vec<String> {
    let mut generator = SchemaGenerator::default();
    let Some(schema) = (row.body_schema)(&mut generator) else { return Vec::new() };
    let definitions = generator.take_definitions(false);
    let maker = Maker { definitions: &definitions, known: &Vec::new(), all: false };
    maker.resolved(&schema)["properties"].as_object().unwrap().keys().cloned().collect()
}

struct Maker<'a> {
    definitions: &'a Map<String, Value>,
    known: &'a Known,
    all: bool,
}

impl Maker<'_> {
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(name) => self.resolved(&self.definitions[name.rsplit('/').next().unwrap()]),
            None => schema,
        }
    }

    fn value(&self, name: &str, schema: &Value) -> Value {
        if let Some((_, value)) = self.known.iter().find(|(known, _)| *known == name) {
            return value.clone();
        }
        let schema = self.resolved(schema);
        for several in ["oneOf", "anyOf", "allOf"] {
            if let Some(first) = schema.get(several).and_then(|any| any.get(0)) {
                return self.value(name, first);
            }
        }
        if let Some(word) = schema.get("const").or_else(|| schema.get("enum")?.get(0)) {
            return word.clone();
        }
        let kind = schema.get("type").map(|kind| kind.get(0).unwrap_or(kind)).and_then(Value::as_str).unwrap_or("object");
        match kind {
            "object" => self.object(schema),
            "array" if self.all => json!([self.value("", &schema["items"])]),
            "array" => json!([]),
            "integer" => schema.get("minimum").cloned().unwrap_or(json!(1)).max_with(1),
            "number" => json!(1.0),
            "boolean" => json!(false),
            "string" => json!(text(schema)),
            other => panic!("{name}: a type {other} that nobody thought of"),
        }
    }

    fn object(&self, schema: &Value) -> Value {
        let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        let named = properties.iter().filter(|(name, _)| self.all || required.contains(&name.as_str()));
        Value::Object(named.map(|(name, schema)| (name.clone(), self.value(name, schema))).collect())
    }
}

fn text(schema: &Value) -> String {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    match (pattern, schema.get("format").and_then(Value::as_str)) {
        (Some(pattern), _) => format!("{}{}", pattern.trim_start_matches('^').split('[').next().unwrap(), "0".repeat(32)),
        (None, Some("date-time")) => "2027-01-01T00:00:00.000Z".to_owned(),
        (None, Some(_)) => "correct horse battery".to_owned(),
        (None, None) => "text".to_owned(),
    }
}

trait MaxWith {
    fn max_with(self, least: i64) -> Self;
}

impl MaxWith for Value {
    fn max_with(self, least: i64) -> Self {
        json!(self.as_i64().unwrap_or(least).max(least))
    }
}
