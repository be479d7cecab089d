//! Where a farm fetches content that was promised to it, and brings what it was asked for: plain HTTP beside its line,
//! opened by the token of its session.

use std::sync::Arc;

use api::door::Door;
use api::http::refuse;
use api::keep;
use axum::Router;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contract::problem::{Code, Problem};
use domain::farm::HomeIds;
use domain::file::ContentHash;
use http::{HeaderMap, StatusCode, header};

use crate::tunnel::Tunnels;

/// Where it is.
const PATH: &str = "/tunnel/content/{sha256}";

/// The door for content.
pub fn router(tunnels: Arc<Tunnels>, door: Arc<Door>) -> Router {
    let (also_tunnels, also_door) = (Arc::clone(&tunnels), Arc::clone(&door));
    let give = move |Path(sha256): Path<String>, headers: HeaderMap| async move {
        let (home, sha256) = asked(&tunnels, &headers, sha256)?;
        keep::give(&door, home, sha256, &headers).await.map_err(|problem| refuse(&problem))
    };
    let take = move |Path(sha256): Path<String>, request: Request| async move {
        let (home, sha256) = asked(&also_tunnels, request.headers(), sha256)?;
        let taken = keep::take(&also_door, home, sha256, request.into_body()).await;
        taken.map(|()| StatusCode::NO_CONTENT.into_response()).map_err(|problem| refuse(&problem))
    };
    Router::new().route(PATH, get(give).put(take))
}

/// Which farm asks, and for what.
fn asked(tunnels: &Tunnels, headers: &HeaderMap, sha256: String) -> Result<(HomeIds, ContentHash), Response> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let home = token.and_then(|token| tunnels.farm_of_token(token));
    let home = home.ok_or_else(|| refuse(&Problem::new(Code::BadCredential)))?;
    let shown: String = sha256.chars().take(80).collect();
    let sha256 = ContentHash::try_from(sha256).map_err(|_| refuse(&Problem::not_found(shown)))?;
    Ok((home, sha256))
}
