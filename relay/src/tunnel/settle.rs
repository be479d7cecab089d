//! What became of a request of the mailbox.

use std::sync::Arc;
use std::time::Duration;

use api::door::Door;
use api::mailbox::{self, Settled};
use contract::forward::Answered;
use domain::id::FarmId;
use sync::relay::RelayInput;

use super::copy::{self, Fence};
use super::session::{failed, told};

/// When a request is tried again that the farm failed over.
const AGAIN: Duration = Duration::from_secs(2);
/// When a request is tried again that found the farm's disk full.
const FULL: Duration = Duration::from_secs(30);

/// Writes the answer of a request, and says when the next one may go.
pub(super) async fn settle(door: &Arc<Door>, fence: Fence, seq: u64, mut answer: Answered) -> RelayInput {
    let rows = std::mem::take(&mut answer.rows);
    match copy::answered_rows(&door.store, fence, rows, door.now()).await {
        Ok(true) => {}
        refused @ (Ok(false) | Err(_)) => return told(refused, RelayInput::Tick),
    }
    let farm: FarmId = fence.home.farm_id;
    match mailbox::settle(door, farm, seq, answer).await {
        Ok(Settled::Answered | Settled::Gone) => {}
        Ok(Settled::Again) => tokio::time::sleep(AGAIN).await,
        Ok(Settled::Full) => tokio::time::sleep(FULL).await,
        Err(error) => return failed(&error),
    }
    RelayInput::AnswerCommitted(seq)
}
