//! What the relay promises, shown at its doors.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod farm;
#[cfg(test)]
mod mqtt;
