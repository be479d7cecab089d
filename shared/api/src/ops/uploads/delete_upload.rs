//! End an upload and throw away what came.

use std::sync::Arc;

use axum::response::Response;
use contract::operation::Contract;
use contract::ops::uploads::DeleteUpload;
use contract::problem::{Code, Problem};
use store::By as Stamp;

use super::{find, spoken};
use crate::door::Door;
use crate::http::{Answer, respond};
use crate::operation::{By, Bytes, Failure, Streaming};

impl Bytes for DeleteUpload {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        let id = find(&by, &door, call.asked.target.id)?.id;
        spoken(&call.headers)?;
        let name = id.to_string();
        let turn = door.blobs.turn(&name).await.ok_or_else(|| Problem::new(Code::UploadBusy))?;
        door.store.write(Stamp::new(by.actor.clone(), door.now()), move |tx| tx.remove_upload(id)).await?;
        door.blobs.drop_partial(&name);
        drop(turn);
        Ok(respond(Answer { status: Self::STATUS, ..Answer::default() }))
    }
}
