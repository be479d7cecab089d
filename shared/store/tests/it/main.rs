//! What the store promises, shown from outside: whole writes, numbers, lists, scopes, memory of calls,
//! beds, secrets, the audit chain, and what is left after a crash.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod batches;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod farm;
#[cfg(test)]
mod floor;
#[cfg(test)]
mod key_use;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod log;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod scopes;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod untold;
#[cfg(test)]
mod writes;
