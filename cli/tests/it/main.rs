//! The command as its users meet it: the real program against an agent in this process. What it prints,
//! where, and with which exit code.
#[cfg(test)]
mod events;
#[cfg(test)]
mod farm;
#[cfg(test)]
mod login;
#[cfg(test)]
mod printing;
#[cfg(test)]
mod refusals;
