//! What line, feed, readers and core do, told by values; and the driver over a simulated board with a line that fails.

mod core;
mod line;
mod wire;
