//! `gantry api`: every operation of the contract by its name, for what no verb covers. The fields of a
//! request stand side by side; the row says which belongs into path, query and body.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use clap::Args;
use contract::operation::{BodyForm, Method, OperationRow};
use serde_json::{Map, Value};

use crate::failure::{Exit, Failure};
use crate::output::{Output, broken};
use crate::session::Session;
use crate::table::{Cell, Table};

/// `gantry api`.
#[derive(Args)]
pub struct Api {
    /// An operation such as list_jobs, or a method such as GET. Without it: the list of operations.
    operation: Option<String>,
    /// After a method the path; then fields: name=text, or name:=json for numbers, lists and objects.
    fields: Vec<String>,
    /// Read the JSON body from this file; `-` = standard input.
    #[arg(long)]
    input: Option<String>,
    /// A repeated call with the same key makes nothing twice.
    #[arg(long)]
    idempotency_key: Option<String>,
}

/// A call that no type vouches for.
#[derive(Debug, PartialEq)]
struct Call {
    method: Method,
    path: String,
    parts: BTreeMap<String, String>,
    query: Vec<(String, String)>,
    body: Map<String, Value>,
}

/// The operations, for those who look for one. Needs no farm.
///
/// # Errors
/// The reader has gone.
pub fn operations(output: &Output) -> Result<(), Failure> {
    let rows = api::registry::rows();
    let json: Vec<Value> = rows
        .iter()
        .map(|row| serde_json::json!({"id": row.id, "method": row.method.word(), "path": row.path, "summary": row.summary}))
        .collect();
    let row = |row: &OperationRow| [row.id, row.method.word(), row.path, row.summary].map(Cell::text).to_vec();
    output.table(&json.into(), |_| Table::new(&["OPERATION", "METHOD", "PATH", "WHAT IT DOES"], "", rows.iter().map(row)))
}

impl Api {
    /// Whether only the list of operations is asked for.
    pub fn asks_for_the_list(&self) -> bool {
        self.operation.is_none()
    }

    /// Does it.
    pub async fn run(self, s: &Session) -> Result<(), Failure> {
        let Some(operation) = &self.operation else { return operations(&s.out) };
        let call = call(operation, &self.fields)?;
        let body = match &self.input {
            Some(from) => Some(input(from)?),
            None => (!call.body.is_empty()).then(|| call.body.into()),
        };
        let request =
            s.client.raw(call.method, &call.path, &call.parts, &call.query, body.as_ref(), self.idempotency_key.as_deref());
        let mut answer = s.client.send(request).await?;
        let is_json = answer.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        if is_json {
            return s.out.value(&answer.json().await?);
        }
        while let Some(piece) = answer.chunk().await? {
            let mut out = std::io::stdout().lock();
            out.write_all(&piece).and_then(|()| out.flush()).map_err(|error| broken(&error))?;
        }
        Ok(())
    }
}

fn input(from: &str) -> Result<Value, Failure> {
    let mut text = String::new();
    let read = if from == "-" {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(from).map(|read| text = read)
    };
    read.map_err(|error| Failure::fail(format!("{from} cannot be read: {error}")))?;
    serde_json::from_str(&text).map_err(|error| Failure::usage(format!("{from} is no JSON: {error}")))
}

fn call(operation: &str, fields: &[String]) -> Result<Call, Failure> {
    let methods = [Method::Get, Method::Post, Method::Patch, Method::Delete];
    if let Some(method) = methods.into_iter().find(|method| method.word().eq_ignore_ascii_case(operation)) {
        let Some((path, fields)) = fields.split_first().filter(|(path, _)| path.starts_with('/')) else {
            return Err(Failure::usage("after a method comes a path such as /v1/printers"));
        };
        let mut call = Call { method, path: path.clone(), parts: BTreeMap::new(), query: Vec::new(), body: Map::new() };
        for field in fields {
            let (name, value) = field_of(field)?;
            if method == Method::Get || method == Method::Delete {
                call.query.push((name, text(value)))
            } else {
                call.body.extend([(name, value)])
            }
        }
        return Ok(call);
    }
    let rows = api::registry::rows();
    let Some(row) = rows.iter().find(|row| row.id == operation) else {
        let alike = alike(operation, rows.iter().map(|row| row.id));
        let hint = format!("Did you mean {}? `gantry api` lists all.", alike.join(" or "));
        return Err(Failure::new(Exit::Usage, format!("there is no operation `{operation}`")).hint(hint));
    };
    let mut call =
        Call { method: row.method, path: row.path.to_owned(), parts: BTreeMap::new(), query: Vec::new(), body: Map::new() };
    let parameters = (row.parameters)(&mut schemars::SchemaGenerator::default());
    let in_query = |name: &str| {
        let known = parameters.iter().filter_map(|parameter| parameter["name"].as_str());
        row.body != BodyForm::Json || (row.dry_run && name == "dry_run") || known.into_iter().any(|known| known == name)
    };
    for field in fields {
        let (name, value) = field_of(field)?;
        if row.path_names.contains(&name.as_str()) {
            call.parts.insert(name, text(value));
        } else if in_query(&name) {
            call.query.push((name, text(value)));
        } else {
            call.body.insert(name, value);
        }
    }
    match row.path_names.iter().find(|name| !call.parts.contains_key(**name)) {
        Some(name) => Err(Failure::usage(format!("{operation} needs {name}=…"))),
        None => Ok(call),
    }
}

/// The three that begin most like it.
fn alike<'a>(text: &str, ids: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let shared = |id: &str| id.chars().zip(text.chars()).take_while(|(a, b)| a == b).count();
    let mut ids: Vec<&str> = ids.collect();
    ids.sort_by_key(|id| (std::cmp::Reverse(shared(id)), id.len()));
    ids.truncate(3);
    ids
}

fn field_of(field: &str) -> Result<(String, Value), Failure> {
    let Some((name, value)) = field.split_once('=') else {
        return Err(Failure::usage(format!("`{field}` is no field such as name=text or name:=json")));
    };
    match name.strip_suffix(':') {
        None => Ok((name.to_owned(), value.into())),
        Some(name) => {
            let value = serde_json::from_str(value).map_err(|error| Failure::usage(format!("{name} is no JSON: {error}")))?;
            Ok((name.to_owned(), value))
        }
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn called(operation: &str, fields: &[&str]) -> Result<Call, Failure> {
        call(operation, &fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn fields_go_where_the_row_says() {
        let call = called("cancel_job", &["id=job_1", "reason=a=b", "requeue:=true", "dry_run=true"]).unwrap();
        assert_eq!((call.method, call.path.as_str()), (Method::Post, "/v1/jobs/{id}/cancel"));
        assert_eq!(call.parts["id"], "job_1");
        assert_eq!(call.query, [("dry_run".to_owned(), "true".to_owned())]);
        assert_eq!(Value::from(call.body), json!({"reason": "a=b", "requeue": true}));
    }

    #[test]
    fn fields_of_a_method_and_path_are_its_query_or_body() {
        assert_eq!(called("get", &["/v1/jobs", "limit:=3"]).unwrap().query, [("limit".to_owned(), "3".to_owned())]);
        assert_eq!(
            Value::from(called("POST", &["/v1/printers/actions/enable", r#"ids:=["a"]"#]).unwrap().body),
            json!({"ids": ["a"]})
        );
    }

    #[test]
    fn an_unknown_operation_names_those_that_sound_alike() {
        let failure = called("cancel_jobs", &[]).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.hint.unwrap().contains("cancel_job"));
    }

    #[test]
    fn what_the_path_needs_is_asked_for() {
        assert_eq!(called("get_job", &[]).unwrap_err().text, "get_job needs id=…");
        assert!(called("list_jobs", &["state"]).is_err());
    }
}
