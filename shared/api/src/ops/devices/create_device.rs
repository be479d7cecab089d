//! Add a phone or tablet: make the link that signs it in, once and within five minutes.

use contract::operation::Asked;
use contract::ops::devices::{CreateDevice, InvitedDevice};
use contract::problem::{Code, Problem};
use domain::device::{Device, DeviceState};
use domain::id::DeviceId;
use domain::text::Name;
use http::Uri;
use qrcode::QrCode;
use qrcode::render::svg;
use store::{Credential, CredentialKind, credential_hash};

use crate::held::held_by;
use crate::key_text::random_text;
use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::operators::{role_or_operator, within};
use crate::ops::unprepared;

const LINK_SECONDS: i64 = 300;

impl Write for CreateDevice {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<InvitedDevice>, Failure> {
        let body = asked.body;
        let page = body.page.as_deref().map(origin).transpose()?;
        if held_by(at.rows(), &by.actor, at.now())?.is_none() {
            let why = "add it at the farm's own page: what you hold in the store is not followed here, and a device holds no more than who added it";
            return Err(Problem::new(Code::IllegalState).detail(why).into());
        }
        let role = role_or_operator(body.role, &body.permissions);
        let grants = within(at.rows(), &by.grants, role, &body.permissions, body.tags)?;
        let id: DeviceId = at.new_id();
        let token = random_text(at, 32);
        let link_ends_at = at.now().plus_seconds(LINK_SECONDS);
        let device = Device {
            id,
            name: body.name.or_else(|| Name::try_from("Device".to_owned()).ok()).ok_or_else(|| Problem::not_found(id))?,
            role,
            grants,
            state: DeviceState::Invited,
            link_ends_at: Some(link_ends_at),
            user_agent: None,
            last_seen_at: None,
            sponsor: by.actor.clone(),
            created_at: at.now(),
        };
        let credential = Credential { kind: CredentialKind::Enrolment, owner: id.to_string(), expires_at: Some(link_ends_at) };
        at.put_credential(&credential_hash(&token), &credential)?;
        at.create(&device)?;
        // Behind a `#`, so that no server, proxy or log sees it.
        let link = page.map(|page| format!("{page}/#device={token}"));
        let qr_svg = link.as_ref().and_then(|link| QrCode::new(link).ok());
        let qr_svg = qr_svg.map(|qr| qr.render::<svg::Color<'_>>().min_dimensions(240, 240).build());
        Ok(Written::secret(InvitedDevice { token, link, qr_svg, link_ends_at, device: by.view(at.rows(), id)? }))
    }
}

/// The address of a page, without anything behind it.
fn origin(page: &str) -> Result<String, Problem> {
    let bad = || Problem::field("/page", "invalid", "must be an address such as http://192.168.1.5:7470");
    let uri: Uri = page.parse().map_err(|_| bad())?;
    let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme)).ok_or_else(bad)?;
    let authority = uri.authority().map(http::uri::Authority::as_str).filter(|name| name.len() <= 253 && !name.contains('@'));
    match (authority, uri.path_and_query().map(http::uri::PathAndQuery::as_str)) {
        (Some(authority), None | Some("/" | "")) => Ok(format!("{scheme}://{authority}")),
        (_, _) => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_an_address_and_nothing_more() {
        assert_eq!(origin("http://192.168.1.5:7470/").unwrap(), "http://192.168.1.5:7470");
        assert_eq!(origin("https://[fd00::1]").unwrap(), "https://[fd00::1]");
        for bad in
            ["", "farm.local", "ftp://farm.local", "http://", "http://a/b", "http://a/?b", "http://me@a", "javascript:alert(1)"]
        {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
