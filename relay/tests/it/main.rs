//! What the relay promises, shown at its doors.

#[cfg(test)]
mod accounts;
