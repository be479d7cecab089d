//! An agent and a relay in one process, over real sockets: what the line between them owes to those who call at either end.

#[cfg(test)]
mod away;
#[cfg(test)]
mod claim;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod fetch;
#[cfg(test)]
mod files;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod leavers;
#[cfg(test)]
mod line;
#[cfg(test)]
mod newer_farm;
#[cfg(test)]
mod pair;
#[cfg(test)]
mod presets;
#[cfg(test)]
mod replaced;
#[cfg(test)]
mod revoked;
#[cfg(test)]
mod two_stores;
#[cfg(test)]
mod usage;
