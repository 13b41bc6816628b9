//! A TCP connection to a host of which only the name matters: the first of its addresses that takes one.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use tokio::net::TcpStream;

use super::{clock, resolve, tcp};
use crate::model::{Failure, FailureKind, Host, Step};

/// Addresses of a name that are tried.
const MOST_ADDRESSES: usize = 4;

/// Opens it; each address gets its share of the time until `deadline`.
///
/// # Errors
/// The classes of a name that leads nowhere and of [`tcp::connect`]: the first address's failure, and in words those of the
/// others.
pub async fn reach(host: &Host, port: u16, deadline: Instant) -> Result<TcpStream, Failure> {
    let left = || deadline.saturating_duration_since(clock::now());
    let addresses = match host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => {
            let found = resolve::system(name, left()).await;
            in_turns(&found.map_err(|e| Failure { detail: format!("its name: {}", e.detail), ..e })?)
        }
    };
    let mut failures = Vec::new();
    for (address, shares) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let share = left() / u32::try_from(shares).unwrap_or(1);
        let at = SocketAddr::new(*address, port);
        match tcp::connect(at, tcp::CONNECT_TIMEOUT.min(share)).await {
            Ok(stream) => return Ok(stream),
            Err(not_open) => failures.push((*address, not_open.failure)),
        }
    }
    Err(unreached(&failures))
}

fn unreached(failures: &[(IpAddr, Failure)]) -> Failure {
    match failures {
        [] => Failure::new(Step::Connect, FailureKind::NoAddress, "its name has no address"),
        [(_, only)] => only.clone(),
        [(_, first), ..] => {
            let words: Vec<String> = failures.iter().map(|(at, e)| format!("{at}: {}", e.detail)).collect();
            Failure { detail: words.join("; "), ..first.clone() }
        }
    }
}

/// At most [`MOST_ADDRESSES`], one family after the other, the resolver's first choice first: a host without IPv6 must come
/// to its IPv4 addresses in time.
pub(super) fn in_turns(found: &[IpAddr]) -> Vec<IpAddr> {
    let Some(first) = found.first() else { return Vec::new() };
    let (like, unlike): (Vec<IpAddr>, Vec<IpAddr>) = found.iter().partition(|a| a.is_ipv6() == first.is_ipv6());
    let longest = like.len().max(unlike.len());
    let turns = (0..longest).flat_map(|turn| [like.get(turn), unlike.get(turn)]);
    turns.flatten().copied().take(MOST_ADDRESSES).collect()
}
