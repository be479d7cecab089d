//! What every verb has in hand: the client, the output, and how a name that a person typed becomes a thing.

use contract::list::Page;
use contract::operation::{Contract, Nothing, Of};
use contract::ops::{accounts, devices, files, jobs, keys, operators, pools, printers, roles};
use contract::record::Record;
use domain::id::Id;
use serde_json::Value;

use crate::client::{Ask, Client};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::table::words;

/// A client and a voice.
pub struct Session {
    /// Calls the farm.
    pub client: Client,
    /// Speaks to the caller.
    pub out: Output,
}

/// A kind of thing that can be called by its name.
pub trait Named: Record {
    /// What it is called.
    const NOUN: &'static str;
    /// The command that lists them.
    const LIST: &'static str;
    /// The operation that lists them.
    type List: Contract<Target = Nothing, Reply = Page<Self>>;
    /// The operation that shows one.
    type Get: Contract<Target = Of<Self::Id>>;
    /// Which of several of the same name is meant, as far as that is clear.
    fn is_current(_thing: &Value) -> bool {
        true
    }
}

macro_rules! named {
    ($($record:ty, $noun:literal, $list:literal, $list_op:ty, $get_op:ty $(, $current:expr)?;)*) => {$(
        impl Named for $record {
            const NOUN: &'static str = $noun;
            const LIST: &'static str = $list;
            type List = $list_op;
            type Get = $get_op;
            $(fn is_current(thing: &Value) -> bool { let current: fn(&Value) -> bool = $current; current(thing) })?
        }
    )*};
}

named! {
    domain::printer::Printer, "printer", "gantry printers", printers::ListPrinters, printers::GetPrinter;
    domain::part::Pool, "pool", "gantry api list_pools", pools::ListPools, pools::GetPool;
    domain::job::Job, "job", "gantry jobs", jobs::ListJobs, jobs::GetJob, |job| job["phase"] != "done";
    domain::file::File, "file", "gantry files", files::ListFiles, files::GetFile;
    domain::key::ApiKey, "API key", "gantry keys", keys::ListApiKeys, keys::GetApiKey, |key| key["state"] != "revoked";
    domain::key::SlicerKey, "slicer key", "gantry keys --slicer", keys::ListSlicerKeys, keys::GetSlicerKey, |key| key["state"] != "revoked";
    domain::account::User, "person", "gantry users", accounts::ListUsers, accounts::GetUser;
    domain::role::OwnRole, "role", "gantry roles", roles::ListRoles, roles::GetRole;
    domain::operator::Operator, "operator", "gantry operators", operators::ListOperators, operators::GetOperator;
    domain::device::Device, "device", "gantry devices", devices::ListDevices, devices::GetDevice;
}

impl Session {
    /// Calls an operation.
    ///
    /// # Errors
    /// What the farm says.
    pub async fn call<C: Contract>(&self, ask: Ask) -> Result<Value, Failure> {
        self.client.call::<C>(ask).await
    }

    /// The thing that an id or a name means, as the farm shows it.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub async fn find<R: Named>(&self, text: &str) -> Result<Value, Failure> {
        if text.parse::<R::Id>().is_ok() {
            return self.call::<R::Get>(Ask::of(text)).await;
        }
        let mut found = Vec::new();
        // A comma separates words of a filter: such a name can only be searched for.
        if !text.contains(',') {
            found = self.named::<R>("name", text).await?;
        }
        if found.is_empty() {
            // What is longer than any name is no name, and would only be a bad query.
            found = self.named::<R>("q", &text.chars().take(120).collect::<String>()).await?;
        }
        match choose(&found, text, R::is_current) {
            Choice::One(thing) => Ok(thing.clone()),
            Choice::Several(ids) => Err(Failure::usage(format!("{} {}s are called `{text}`", ids.len(), R::NOUN))
                .hint(format!("Say which by its id: {}", ids.join(", ")))),
            Choice::Like(names) if names.is_empty() => {
                let hint = format!("`{}` lists them; an id begins with {}_.", R::LIST, R::Id::PREFIX);
                Err(Failure::new(Exit::NotFound, format!("there is no {} `{text}`", R::NOUN)).hint(hint))
            }
            Choice::Like(names) => Err(Failure::new(Exit::NotFound, format!("there is no {} `{text}`", R::NOUN))
                .hint(format!("Did you mean {}?", names.join(", ")))),
        }
    }

    async fn named<R: Named>(&self, filter: &str, text: &str) -> Result<Vec<Value>, Failure> {
        let page = self.call::<R::List>(Ask::all().query(filter, Some(text)).query("limit", Some(200))).await?;
        if page.get("next_cursor").is_some() {
            let text = format!("too many {}s match `{text}` to know which is meant", R::NOUN);
            return Err(Failure::usage(text).hint(format!("Say which by its id; `{}` lists them.", R::LIST)));
        }
        Ok(page["items"].as_array().cloned().unwrap_or_default())
    }

    /// The id of the thing that an id or a name means; an id is believed without asking.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub async fn id<R: Named>(&self, text: &str) -> Result<String, Failure> {
        if text.parse::<R::Id>().is_ok() {
            return Ok(text.to_owned());
        }
        Ok(words(&self.find::<R>(text).await?["id"]))
    }
}

#[derive(Debug, PartialEq)]
enum Choice<'a> {
    One(&'a Value),
    Several(Vec<String>),
    /// None; these have the text in their name.
    Like(Vec<String>),
}

/// A name means what is called exactly so; among several, the one that is not over yet.
fn choose<'a>(found: &'a [Value], text: &str, is_current: fn(&Value) -> bool) -> Choice<'a> {
    let called: Vec<&Value> = found.iter().filter(|thing| thing["name"] == text).collect();
    let current: Vec<&Value> = called.iter().copied().filter(|thing| is_current(thing)).collect();
    match (called.as_slice(), current.as_slice()) {
        ([thing], _) | (_, [thing]) => Choice::One(thing),
        ([], _) => {
            let mut names: Vec<String> = found.iter().map(|thing| words(&thing["name"])).take(8).collect();
            names.dedup();
            Choice::Like(names)
        }
        (several, _) => Choice::Several(several.iter().take(8).map(|thing| words(&thing["id"])).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(id: &str, name: &str, phase: &str) -> Value {
        json!({"id": id, "name": name, "phase": phase})
    }

    fn chosen(found: &[Value], text: &str) -> String {
        match choose(found, text, domain::job::Job::is_current) {
            Choice::One(thing) => words(&thing["id"]),
            other @ (Choice::Several(_) | Choice::Like(_)) => format!("{other:?}"),
        }
    }

    #[test]
    fn a_name_means_the_only_thing_of_that_name() {
        let found = [job("a", "Vase", "done"), job("b", "Vase 2", "active")];
        assert_eq!(chosen(&found, "Vase"), "a");
    }

    #[test]
    fn among_jobs_of_one_name_the_one_that_is_not_over_is_meant() {
        let found = [job("a", "Vase", "done"), job("b", "Vase", "active"), job("c", "Vase", "done")];
        assert_eq!(chosen(&found, "Vase"), "b");
    }

    #[test]
    fn two_jobs_of_one_name_are_never_guessed_between() {
        let found = [job("a", "Vase", "waiting"), job("b", "Vase", "active")];
        assert_eq!(chosen(&found, "Vase"), r#"Several(["a", "b"])"#);
        let found = [job("a", "Vase", "done"), job("b", "Vase", "done")];
        assert_eq!(chosen(&found, "Vase"), r#"Several(["a", "b"])"#);
    }

    #[test]
    fn a_part_of_a_name_is_only_a_suggestion() {
        assert_eq!(chosen(&[job("a", "Vase 1", "waiting")], "Vase"), r#"Like(["Vase 1"])"#);
    }
}
