//! Content between a relay and a farm that proved itself: the farm fetches what was promised to it, and brings what it was
//! asked for. Each sees only what lies here for itself.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use contract::problem::{Code, Problem};
use domain::farm::HomeIds;
use domain::file::ContentHash;
use futures_util::StreamExt;
use http::HeaderMap;
use store::{Entropy, Kept, StoreError, Tx};

use super::{find, relay};
use crate::auth::internal;
use crate::content;
use crate::door::Door;
use crate::entropy::SystemEntropy;
use crate::ops::files::{LARGEST, disk};

/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);

/// The farm fetches content.
///
/// # Errors
/// `not_found` if it does not lie here for that farm.
pub async fn give(door: &Door, home: HomeIds, sha256: ContentHash, headers: &HeaderMap) -> Result<Response, Problem> {
    let place = find(door, home, sha256).await.map_err(Problem::from)?;
    content::send(&place.ok_or_else(|| Problem::not_found(sha256))?, &sha256, headers).await
}

/// The farm brings content that it was asked for.
///
/// # Errors
/// `not_found` if nobody asked; `invalid_request` if it is other content; `disk_full`.
pub async fn take(door: &Door, home: HomeIds, sha256: ContentHash, body: Body) -> Result<(), Problem> {
    let now = door.now();
    if !door.keep.wants(home, &sha256, now) {
        return Err(Problem::not_found(sha256));
    }
    let room = door.disk_room()?.min(LARGEST).min(door.keep.cache_bytes.max(1));
    let mut random = [0; 16];
    SystemEntropy.fill(&mut random);
    let unique: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut incoming = door.blobs.begin(&unique).await.map_err(|error| disk(&error))?;
    let mut pieces = body.into_data_stream();
    let broke = || Problem::new(Code::MalformedRequest).detail("the body broke off");
    while let Some(piece) = tokio::time::timeout(SILENCE, pieces.next()).await.map_err(|_| broke())? {
        let piece = piece.map_err(|_| broke())?;
        if incoming.size() + piece.len() as u64 > room {
            return Err(Problem::new(Code::DiskFull).detail(format!("there is room for {room} bytes")));
        }
        incoming.write(&piece).await.map_err(|error| disk(&error))?;
    }
    let size_bytes = incoming.size();
    if incoming.hash() != sha256 {
        return Err(Problem::field("body", "invalid", "the bytes have another hash"));
    }
    incoming.keep(&door.blobs).await.map_err(|error| disk(&error))?;
    let write = move |tx: &mut Tx<'_>| {
        let known = tx.rows().kept(home, &sha256)?;
        let (promised, since) = known.map_or((false, now), |known| (known.promised, known.since));
        tx.put_kept(&Kept { home, sha256, size_bytes, promised, since, used_at: now })
    };
    door.store.write(relay(now), write).await.map_err(|error: StoreError| internal(&error))?;
    door.keep.came.send_replace(());
    Ok(())
}
