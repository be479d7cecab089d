//! A farm of this process claimed for a store of a relay of this process, by the same operations as any other farm, each called at its own
//! door by whom it belongs to. Nobody types a code, because both screens are here.

use std::path::Path;
use std::time::Duration;

use api::claims::{FAREWELL, relay_moved};
use contract::ops::claims::{BeginClaimOp, ClaimFarmOp, GetPairing};
use contract::problem::Code;
use domain::farm::Claim;
use serde_json::{Value, json};

use crate::client::{Ask, Client};
use crate::failure::Failure;
use crate::table::words;

/// An agent asks every two seconds whether somebody said yes; a busy machine gets time.
const CLAIMED_WITHIN: Duration = Duration::from_secs(60);

/// Where an agent of this machine dials that relay: what listens everywhere has no address to dial.
pub fn dialled(relay: &relay::assemble::Running) -> String {
    let mut dialled = relay.address;
    if dialled.ip().is_unspecified() {
        dialled.set_ip([127, 0, 0, 1].into());
    }
    relay.accounts.door.url(dialled)
}

/// The farm's claim by this relay.
pub fn claim_by(farm: &agent::Running, relay: &relay::assemble::Running) -> Option<Claim> {
    farm.door.accounts.claim().filter(|claim| claim.relay_id == relay.accounts.tunnels.relay_id())
}

/// Tells a farm of this relay where the relay is now.
///
/// # Errors
/// What the database says.
pub async fn follow(farm: &agent::Running, relay: &relay::assemble::Running) -> Result<(), Failure> {
    let relay_url = dialled(relay);
    if claim_by(farm, relay).is_some_and(|claim| claim.relay_url != relay_url) {
        relay_moved(&farm.door, relay_url).await.map_err(Failure::fail)?;
    }
    Ok(())
}

/// Whether people parted the two, or gave the farm to another relay: then it stays as they left it.
///
/// # Errors
/// What a database says.
pub fn was_parted(farm: &agent::Running, relay: &relay::assemble::Running) -> Result<bool, Failure> {
    let door = &farm.door;
    let farewell: Option<Option<Claim>> = door.store.read(|rows| rows.setting(FAREWELL)).map_err(Failure::fail)?;
    let farm_id = door.home().farm_id;
    let tunnel = relay.accounts.door.store.read(|rows| rows.tunnel(farm_id)).map_err(Failure::fail)?;
    let elsewhere = door.accounts.claim().is_some() && claim_by(farm, relay).is_none();
    Ok(elsewhere || farewell.flatten().is_some() || tunnel.is_some_and(|tunnel| tunnel.state.revoked))
}

/// The owner of the farm asks for a code, the owner of the store, signed in by that link, says yes to it. Killed anywhere in between it is
/// done again at the next start.
///
/// # Errors
/// What one of the doors says, or that the agent did not take its place.
pub async fn claim(farm: &agent::Running, relay_url: &str, owner_link: &str, ca_file: Option<&Path>) -> Result<(), Failure> {
    let link = farm.sign_in_link().await.map_err(Failure::fail)?;
    let at_the_farm = Client::sign_in(&link, ca_file).await?;
    let asked = at_the_farm.call::<BeginClaimOp>(Ask::all().body(json!({"relay_url": relay_url}))).await;
    at_the_farm.sign_out().await?;
    match asked {
        Ok(shown) => {
            let owner = Client::sign_in(owner_link, ca_file).await?;
            say_yes(&owner, &shown).await?;
            owner.sign_out().await?;
        }
        // The code of before the kill has just been answered.
        Err(failure) if failure.has_code(Code::AlreadyClaimed) => return Ok(()),
        Err(failure) => return Err(failure),
    }
    let Some(mut claims) = farm.door.accounts.follow() else { return Ok(()) };
    let claimed = tokio::time::timeout(CLAIMED_WITHIN, claims.wait_for(Option::is_some)).await;
    claimed.map_err(|_| Failure::fail("the agent did not take its place in the store"))?.map_err(Failure::fail)?;
    Ok(())
}

async fn say_yes(owner: &Client, shown: &Value) -> Result<(), Failure> {
    let code = words(&shown["user_code"]);
    let asking = owner.call::<GetPairing>(Ask::of(code.clone())).await?;
    if asking["fingerprint"] != shown["fingerprint"] {
        return Err(Failure::fail("another farm asks under the code of this one"));
    }
    let yes = json!({"user_code": code, "fingerprint": shown["fingerprint"]});
    owner.call::<ClaimFarmOp>(Ask::all().body(yes)).await.map(drop)
}
