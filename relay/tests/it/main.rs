//! What the relay promises, shown at its doors.

#[cfg(test)]
mod accounts;
#[cfg(test)]
#[path = "../../../shared/api/tests/it/authority.rs"]
mod authority;
#[cfg(test)]
mod certificate;
#[cfg(test)]
mod farm;
#[cfg(test)]
mod mqtt;
#[cfg(test)]
mod passkeys;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod sight;
#[cfg(test)]
mod webhook_guard;
#[cfg(test)]
mod webhooks;
