//! Tell whether every entry is there, unchanged.

use contract::operation::{Asked, Contract};
use contract::ops::audit::{AuditVerification, VerifyAudit};

use crate::audit::merge::{ask_farm, farms, own_home, reads_own};
use crate::audit::verify;
use crate::door::Door;
use crate::operation::{By, Failure, Read};

/// How long a farm with a long chain and a slow disk may take.
const SECONDS: u64 = 60;

impl Read for VerifyAudit {
    async fn read(by: &By<Self>, door: &Door, _: Asked<Self>) -> Result<AuditVerification, Failure> {
        by.whole_farm()?;
        let mut all = AuditVerification::default();
        if reads_own(door, by) {
            all.chains.push(verify(door, own_home(door, by)).await?);
        }
        for farm in farms(door, by)? {
            let answer = ask_farm(door, by, farm, Self::ID, Default::default(), Vec::new(), SECONDS).await;
            match answer.and_then(|body| serde_json::from_value::<AuditVerification>(body).ok()) {
                Some(of_farm) => all.chains.extend(of_farm.chains.into_iter().filter(|chain| chain.home == farm.to_string())),
                None => all.missing_farms.push(farm),
            }
        }
        Ok(all)
    }
}
