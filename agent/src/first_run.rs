//! What a new installation needs: its farm. Also what must hold at every start.

use domain::actor::Actor;
use domain::farm::{Dispatch, Farm};
use domain::printer::Connection;
use domain::text::Name;
use domain::time::Timestamp;
use store::{By, Store, StoreError};

/// Makes the farm's record if there is none, and says that its agent is there.
///
/// # Errors
/// What the database says.
pub async fn farm(store: &Store, name: &str, now: Timestamp) -> Result<(), StoreError> {
    let id = store.home().farm_id;
    let name = Name::try_from(name.to_owned()).or_else(|_| "Farm".parse());
    store
        .write(By::new(Actor::farm(id), now), move |tx| {
            if let Some(row) = tx.get::<Farm>(id)? {
                let farm = Farm { connection: Connection::Online, ..row.record };
                tx.update(&farm)?;
                return Ok(());
            }
            let Ok(name) = name else { return Err(StoreError::Closed) };
            tx.create(&Farm {
                id,
                name,
                dispatch: Dispatch::Run,
                connection: Connection::Online,
                quarantine_after: 3,
                refused: None,
                hold_file_after: 2,
                created_at: tx.now(),
            })
        })
        .await
}
