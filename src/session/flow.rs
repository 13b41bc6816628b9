//! Both ends of a flow without its sockets: what is sent when, what came of it, and how a search finds the rate that a
//! line carries. Times are nanoseconds of the caller's monotonic clock; the two ends' clocks are never compared, only the
//! change of their difference is.

pub mod client;
pub mod cookie;
pub mod receiver;
pub mod record;
mod rhythm;
pub mod search;
pub mod sender;
pub mod server;
pub mod shape;

#[cfg(test)]
mod tests;

/// Nanoseconds of a millisecond.
pub const MS: u64 = 1_000_000;

/// Nanoseconds of a second.
pub const S: u64 = 1_000 * MS;
