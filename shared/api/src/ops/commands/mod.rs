//! Commands: what was asked, and what became of it.

mod withdraw_command;
