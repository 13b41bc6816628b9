//! What a responder counts: answers, and everything it did not answer, by reason. Knows no peer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

use crate::session::reflector::Refusal;

/// What was answered and dropped since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// UDP requests answered.
    pub answered: u64,
    /// UDP datagrams not answered, by reason; reasons that did not occur are absent.
    pub dropped: BTreeMap<&'static str, u64>,
    /// TCP connections taken.
    pub connections: u64,
    /// TCP connections cut and WebSockets refused, by reason; reasons that did not occur are absent.
    pub connections_dropped: BTreeMap<&'static str, u64>,
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered={} connections={}", self.answered, self.connections)?;
        for (reason, count) in &self.dropped {
            write!(f, " dropped.{reason}={count}")?;
        }
        for (reason, count) in &self.connections_dropped {
            write!(f, " connections_dropped.{reason}={count}")?;
        }
        Ok(())
    }
}

/// Why a connection was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// As many connections as allowed are open.
    TotalLimit,
    /// As many as allowed are open from this source.
    SourceLimit,
    /// As many WebSockets as allowed are open, in all or from this source: the upgrade is refused.
    WebSocketLimit,
    /// The TLS handshake failed.
    Tls,
    /// A deadline passed.
    Deadline,
    /// The peer did not speak the protocol, or exceeded a bound.
    Protocol,
}

impl Cut {
    const ALL: [(Cut, &'static str); 6] = [
        (Cut::TotalLimit, "total_limit"),
        (Cut::SourceLimit, "source_limit"),
        (Cut::WebSocketLimit, "websocket_limit"),
        (Cut::Tls, "tls"),
        (Cut::Deadline, "deadline"),
        (Cut::Protocol, "protocol"),
    ];
}

/// The counters while they count.
#[derive(Debug, Default)]
pub(super) struct Tally {
    answered: AtomicU64,
    send_failed: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    connections: AtomicU64,
    cut: [AtomicU64; Cut::ALL.len()],
}

impl Tally {
    pub(super) fn answered(&self) {
        self.answered.fetch_add(1, Relaxed);
    }

    /// The operating system did not send an answer.
    pub(super) fn send_failed(&self) {
        self.send_failed.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self, refusal: Refusal) {
        if let Some(counter) = self.refused.get(refusal as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn connection(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(super) fn cut(&self, cut: Cut) {
        if let Some(counter) = self.cut.get(cut as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn read(&self) -> Counters {
        let refused = Refusal::ALL.iter().map(|r| r.as_str()).zip(&self.refused);
        let dropped = refused.chain([("send_failed", &self.send_failed)]);
        let cut = Cut::ALL.iter().map(|(_, name)| *name).zip(&self.cut);
        Counters {
            answered: self.answered.load(Relaxed),
            dropped: occurred(dropped),
            connections: self.connections.load(Relaxed),
            connections_dropped: occurred(cut),
        }
    }
}

fn occurred<'a>(counters: impl Iterator<Item = (&'static str, &'a AtomicU64)>) -> BTreeMap<&'static str, u64> {
    counters.map(|(name, counter)| (name, counter.load(Relaxed))).filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_counts_under_its_own_name() {
        let tally = Tally::default();
        Refusal::ALL.iter().for_each(|r| tally.refused(*r));
        Cut::ALL.iter().for_each(|(c, _)| tally.cut(*c));
        tally.send_failed();
        let read = tally.read();
        assert_eq!((read.dropped.len(), read.connections_dropped.len()), (Refusal::ALL.len() + 1, Cut::ALL.len()));
        assert!(read.dropped.values().chain(read.connections_dropped.values()).all(|n| *n == 1));
        assert!(Refusal::ALL.iter().enumerate().all(|(i, r)| *r as usize == i));
        assert!(Cut::ALL.iter().enumerate().all(|(i, (c, _))| *c as usize == i));
    }
}
