//! Ways to sign in that need more than the database: passkeys and identity providers. They are checked here; whom they belong to and
//! what follows is the business of the operations.

mod ceremonies;
mod passkeys;
mod providers;

use std::sync::Arc;

use api::ways_in::WaysIn;

use crate::config::Config;

/// As the settings say.
///
/// # Errors
/// What of them is of no use.
pub fn of(config: &Config) -> Result<WaysIn, String> {
    let passkeys = passkeys::Checked::new(config.host_names.first().map(String::as_str))?;
    let providers = providers::Asked::new(&config.oidc)?;
    Ok(WaysIn { passkeys: Some(Arc::new(passkeys)), providers: Some(Arc::new(providers)) })
}
