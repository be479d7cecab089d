//! How one can sign in, and the first of the two calls that passkeys and identity providers take.

use contract::operation::Asked;
use contract::ops::ways_in::{BeginPasskeySignIn, BeginProviderSignIn, ListWaysIn, PasskeyAsked, ProviderAsked, WaysIn};
use contract::problem::Problem;

use crate::auth::host_is_ours;
use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListWaysIn {
    async fn read(_: &By<Self>, door: &Door, _: Asked<Self>) -> Result<WaysIn, Failure> {
        let ways = WaysIn {
            served_by: door.served_by.to_owned(),
            passkey_host: door.ways_in.passkeys.as_ref().map(|passkeys| passkeys.host().to_owned()),
            providers: door.ways_in.providers.as_ref().map(|providers| providers.list()).unwrap_or_default(),
        };
        std::future::ready(Ok(ways)).await
    }
}

impl Read for BeginPasskeySignIn {
    async fn read(_: &By<Self>, door: &Door, _: Asked<Self>) -> Result<PasskeyAsked, Failure> {
        std::future::ready(Ok(door.ways_in.passkeys()?.begin_sign_in(door.now())?)).await
    }
}

impl Read for BeginProviderSignIn {
    async fn read(_: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<ProviderAsked, Failure> {
        let page = own_page(door, &asked.body.page)?;
        Ok(door.ways_in.providers()?.begin(door.now(), &asked.body.provider, &format!("{page}/sign-in")).await?)
    }
}

/// The origin of a page of this door: nobody is sent to another's.
fn own_page<'a>(door: &Door, page: &'a str) -> Result<&'a str, Problem> {
    let host = page.strip_prefix("https://").or_else(|| page.strip_prefix("http://").filter(|_| !door.https));
    let plain = |host: &&str| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    match host.filter(plain) {
        Some(host) if host_is_ours(door, host) => Ok(page),
        Some(_) | None => Err(Problem::field("/page", "invalid", "must be the origin of a page of this door")),
    }
}
