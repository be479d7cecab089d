//! The command as its users meet it: the real program against an agent in this process. What it prints,
//! where, and with which exit code.
#[cfg(test)]
#[expect(dead_code, reason = "other tests read more of it")]
#[path = "../../../shared/api/tests/it/authority.rs"]
mod authority;
#[cfg(test)]
mod certificate;
#[cfg(test)]
mod claim;
#[cfg(test)]
mod events;
#[cfg(test)]
mod farm;
#[cfg(test)]
mod floor;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod login;
#[cfg(test)]
mod people;
#[cfg(test)]
mod printing;
#[cfg(test)]
mod refusals;
