//! What the door promises, shown from outside: a door over a store in a temporary folder with a floor
//! of its own and a clock that stands still, called without a socket.

#[cfg(test)]
mod access_matrix;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod authority;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod farm;
#[cfg(test)]
mod filament;
#[cfg(test)]
mod floor_people;
#[cfg(test)]
mod forward;
#[cfg(test)]
mod forwarded_files;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod key_changes;
#[cfg(test)]
mod key_usage;
#[cfg(test)]
mod key_work;
#[cfg(test)]
mod listening;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod own_roles;
#[cfg(test)]
mod people;
#[cfg(test)]
mod printer_setup;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod rate_limits;
#[cfg(test)]
mod relay_matrix;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod scopes;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod stock;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod test_keys;
#[cfg(test)]
mod tus;
#[cfg(test)]
mod uploads;
#[cfg(test)]
mod webhooks;
