//! A range that is silent over UDP, asked over TCP: where connections to it come through and those to ports beside it vanish,
//! somebody opened it for the wrong protocol. Judges nothing.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;

use crate::model::path::AsTcp;
use crate::model::{FailureKind, PortRange};
use crate::net::tcp;

/// For one repetition of the SYN, which comes after a second.
pub const PATIENCE: Duration = Duration::from_millis(1300);

/// Ports beside the range are so far from its ends.
const BESIDE: u16 = 11;

#[derive(Clone, Copy, PartialEq)]
enum Came {
    Connected,
    Refused,
    Nothing,
}

/// Connects to a few ports of the range and to one on each side of it.
pub async fn ask(address: IpAddr, range: PortRange) -> AsTcp {
    let inside = inside(range);
    let outside: Vec<u16> = [range.first().checked_sub(BESIDE), range.last().checked_add(BESIDE)]
        .into_iter()
        .flatten()
        .filter(|p| *p > 0)
        .collect();
    let all = join_all(inside.iter().chain(&outside).map(|port| connect(SocketAddr::new(address, *port)))).await;
    let (within, beside) = all.split_at(inside.len().min(all.len()));
    let with = |ports: &[u16], came: &[Came], wanted: &[Came]| {
        ports.iter().zip(came).filter(|(_, c)| wanted.contains(c)).map(|(p, _)| *p).collect()
    };
    AsTcp {
        connected: with(&inside, within, &[Came::Connected]),
        refused: with(&inside, within, &[Came::Refused]),
        silent: with(&inside, within, &[Came::Nothing]),
        outside_reached: with(&outside, beside, &[Came::Connected, Came::Refused]),
        outside_silent: with(&outside, beside, &[Came::Nothing]),
    }
}

/// Both ends and two between.
fn inside(range: PortRange) -> Vec<u16> {
    let span = u32::from(range.last() - range.first());
    let at = |part: u32| u16::try_from(u32::from(range.first()) + span * part / 3).unwrap_or(range.last());
    let mut ports: Vec<u16> = (0..4).map(at).collect();
    ports.dedup();
    ports
}

/// A rejection of a router on the way is no way either.
async fn connect(to: SocketAddr) -> Came {
    match tcp::connect(to, PATIENCE).await {
        Ok(_) => Came::Connected,
        Err(error) if error.failure.kind == FailureKind::Refused && error.icmp.is_none() => Came::Refused,
        Err(_) => Came::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_two_between_are_asked() {
        assert_eq!(inside("19099-20099".parse().unwrap()), [19099, 19432, 19765, 20099]);
        assert_eq!(inside("7-8".parse().unwrap()), [7, 8]);
    }

    #[tokio::test]
    async fn loopback_refuses_everywhere() {
        let seen = ask([127, 9, 9, 9].into(), "40000-40003".parse().unwrap()).await;
        assert_eq!((seen.refused.count() + seen.connected.count(), seen.silent.count()), (4, 0));
        assert_eq!(seen.outside_silent.count(), 0);
    }
}
