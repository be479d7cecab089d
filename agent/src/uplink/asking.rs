//! What an agent asks of a relay before it has a line there: plain HTTP.

use std::time::Duration;

use contract::ops::claims::FloorPage;
use contract::problem::{Code, Problem};
use drivers::web::{WebAddress, client};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::FeedRow;

/// How long the relay may take to answer.
const ANSWER: Duration = Duration::from_secs(20);

/// What the relay knows of the farm whose place this agent takes.
pub async fn floor(address: &WebAddress, device_code: &str) -> Result<Vec<FeedRow>, Refused> {
    let (mut rows, mut after) = (Vec::new(), Some(0));
    while let Some(from) = after {
        let page: FloorPage = call(address, "/v1/pairings/floor", &json!({"device_code": device_code, "after": from})).await?;
        rows.extend(page.items.into_iter().filter_map(FeedRow::of));
        after = page.next.filter(|next| *next > from);
    }
    Ok(rows)
}

/// Why there is no answer.
pub enum Refused {
    /// The relay says why.
    By(Box<Problem>),
    /// Nobody was heard.
    Unheard(String),
}

impl Refused {
    /// The same as a problem.
    pub fn problem(self) -> Problem {
        match self {
            Refused::By(problem) => *problem,
            Refused::Unheard(why) => Problem::new(Code::ConnectionFailed).detail(format!("the relay: {why}")),
        }
    }
}

/// Asks, and reads the answer.
pub async fn call<T: DeserializeOwned>(address: &WebAddress, path: &str, body: &Value) -> Result<T, Refused> {
    let unheard = |why: String| Refused::Unheard(why);
    let client = client(address).map_err(|problem| unheard(problem.to_string()))?;
    let request = client.post(address.join(path)).json(body).timeout(ANSWER);
    let response = request.send().await.map_err(|error| unheard(error.to_string()))?;
    let good = response.status().is_success();
    let body: Value = response.json().await.map_err(|_| unheard("what answers there is no relay".to_owned()))?;
    let strange = |_| unheard("what answers there is no relay of this kind".to_owned());
    if good {
        serde_json::from_value(body).map_err(strange)
    } else {
        let problem: Problem = serde_json::from_value(body).map_err(strange)?;
        Err(Refused::By(Box::new(problem)))
    }
}
