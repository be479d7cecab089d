//! JSON Merge Patch (RFC 7396) for the fields of a record that are objects themselves: what the patch
//! names is changed, what it sets to `null` is taken away, the rest stays.

use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::operation::from_json;
use crate::problem::{Code, Problem};

/// A change to a `T`.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch<T> {
    changes: Map<String, Value>,
    of: PhantomData<fn() -> T>,
}

impl<'de, T> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { changes: Map::deserialize(deserializer)?, of: PhantomData })
    }
}

impl<T: JsonSchema> JsonSchema for Patch<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// The value after the patch that stands at `pointer`: not named = as it was, `null` = as if it had
/// never been said.
///
/// # Errors
/// `invalid_request` if what comes out is no `T`.
pub fn patched<T: Default + Serialize + DeserializeOwned>(
    now: T,
    patch: Option<Option<Patch<T>>>,
    pointer: &str,
) -> Result<T, Problem> {
    let patch = match patch {
        None => return Ok(now),
        Some(None) => return Ok(T::default()),
        Some(Some(patch)) => patch,
    };
    let mut value = serde_json::to_value(&now).map_err(|_| Problem::new(Code::Internal))?;
    merge(&mut value, Value::Object(patch.changes));
    from_json(value).map_err(|error| error.at(pointer))
}

fn merge(value: &mut Value, patch: Value) {
    let Value::Object(changes) = patch else {
        *value = patch;
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(fields) = value else { return };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(&name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::printer::Machine;
    use serde_json::json;

    fn check(patch: Value, expected: Result<Value, &str>) {
        let machine: Machine = serde_json::from_value(json!({"model": "MK4S", "nozzle_mm": 0.4})).unwrap();
        let patch = Option::deserialize(patch).unwrap();
        let found = patched(machine, Some(patch), "/machine");
        let found = found.map(|machine| serde_json::to_value(machine).unwrap());
        assert_eq!(found.map_err(|problem| problem.errors[0].pointer.clone()), expected.map_err(str::to_owned));
    }

    #[test]
    fn what_is_named_changes_what_is_null_goes_and_the_rest_stays() {
        check(json!({"nozzle_mm": 0.6}), Ok(json!({"model": "MK4S", "nozzle_mm": 0.6})));
        check(json!({"model": null}), Ok(json!({"nozzle_mm": 0.4})));
        check(
            json!({"build_volume_mm": {"x": 1.0, "y": 2.0, "z": 3.0, "w": null}}),
            Ok(json!({"model": "MK4S", "nozzle_mm": 0.4, "build_volume_mm": {"x": 1.0, "y": 2.0, "z": 3.0}})),
        );
        check(Value::Null, Ok(json!({})));
        check(json!({}), Ok(json!({"model": "MK4S", "nozzle_mm": 0.4})));
    }

    #[test]
    fn a_patch_that_leaves_nonsense_is_refused_where_it_is_wrong() {
        check(json!({"nozzle_mm": "wide"}), Err("/machine/nozzle_mm"));
        check(json!({"build_volume_mm": {"x": 1.0}}), Err("/machine/build_volume_mm"));
    }
}
