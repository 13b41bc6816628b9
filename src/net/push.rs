//! A document sent to the one place that an operator named: a request of HTTP/1.1 with a body, over plain TCP or verified
//! TLS, directly or through the proxy that the place asks for. Bounded in time and in what is read of the answer. No
//! redirect is followed: what is sent may be confidential, and goes nowhere else. Knows no report.

mod destination;
mod headers;
mod once;
mod retry_after;
mod schedule;

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;

pub use destination::Destination;
pub use headers::Headers;
pub use retry_after::retry_after;
pub use schedule::{Given, Next, Schedule};

use super::proxy::Proxies;
use super::tls::Trust;
use super::{chance, clock};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// What a document is sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Put,
    Post,
}

/// A document and where it goes.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub to: Destination,
    pub method: Method,
    /// What the operator adds, which may be secret; they replace those of the program's own.
    pub headers: Headers,
    pub content_type: &'static str,
    /// `gzip`, where the body is.
    pub encoding: Option<&'static str>,
    /// The same for every attempt, so that a receiver can tell a repetition.
    pub key: String,
    pub body: Bytes,
    /// For one attempt, from the look-up of the name to the end of the answer.
    pub timeout: Duration,
    /// Statuses after which it is worth another attempt.
    pub passing: &'static [u16],
}

/// Whom to trust and how to get there.
#[derive(Clone, Debug)]
pub struct Way {
    pub trust: Arc<Trust>,
    pub proxies: Arc<Proxies>,
}

/// The answer of a receiver that took the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub status: u16,
    /// Its beginning, at most 64 KiB.
    pub body: Vec<u8>,
}

/// An attempt that came to nothing, and what is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again<'a> {
    pub why: &'a str,
    pub wait: Duration,
    /// The next attempt, counted from 1.
    pub attempt: u32,
    pub most: u32,
}

/// Why one attempt came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// A clause with its numbers, without any secret.
    pub why: String,
    /// It may pass.
    pub passing: bool,
    /// How long the receiver asks to be left alone.
    pub asked: Option<Duration>,
}

/// Sends it until it is taken, or until `schedule` ends; `told` hears of every attempt that is to be repeated.
///
/// # Errors
/// A clause that says why, in the words of the last attempt.
pub async fn deliver(
    parcel: &Parcel,
    way: &Way,
    mut schedule: Schedule,
    mut told: impl FnMut(&Again<'_>),
) -> Result<Taken, String> {
    let begun = clock::now();
    loop {
        let left = schedule.left(clock::now().duration_since(begun));
        let trouble = match once::once(parcel, way, parcel.timeout.min(left)).await {
            Ok(taken) => return Ok(taken),
            Err(trouble) => trouble,
        };
        if !trouble.passing {
            return Err(trouble.why);
        }
        match schedule.next(clock::now().duration_since(begun), trouble.asked, fraction()) {
            Next::After(wait) => {
                told(&Again { why: &trouble.why, wait, attempt: schedule.attempts() + 1, most: schedule.most() });
                tokio::time::sleep(wait).await;
            }
            Next::Over(given) => return Err(format!("{}; {}", trouble.why, given.words(schedule.attempts()))),
        }
    }
}

/// From 0 to 1, so that many who failed together do not come back together.
fn fraction() -> f64 {
    f64::from(u32::from_ne_bytes(chance::bytes())) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
