//! Examine the installation.

use contract::operation::Asked;
use contract::ops::Listed;
use contract::ops::system::{Finding, GetDoctor, Level};
use contract::problem::{Code, Problem};

use crate::clock::is_set;
use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for GetDoctor {
    async fn read(_: &By<Self>, door: &Door, _: Asked<Self>) -> Result<Listed<Finding>, Failure> {
        let farm = door.farm.as_ref().ok_or_else(|| Problem::new(Code::FarmOffline))?;
        let mut items = farm.floor().examine();
        items.push(clock(door));
        items.push(audit(door)?);
        std::future::ready(Ok(Listed { items })).await
    }
}

fn clock(door: &Door) -> Finding {
    let ok = is_set(door.now());
    Finding {
        check: "clock".to_owned(),
        level: if ok { Level::Ok } else { Level::Error },
        text: format!("the clock says {}", door.now()),
        fix: (!ok).then(|| "set the clock of the agent's machine".to_owned()),
    }
}

fn audit(door: &Door) -> Result<Finding, Failure> {
    let broken = door.store.read(|rows| rows.audit_break(&door.home().farm_id.to_string()))?;
    Ok(Finding {
        check: "audit".to_owned(),
        level: if broken.is_none() { Level::Ok } else { Level::Error },
        text: broken.map_or_else(|| "the audit chain is whole".to_owned(), |n| format!("the audit chain is broken at entry {n}")),
        fix: broken.map(|_| "somebody changed the database: compare it with a backup".to_owned()),
    })
}
