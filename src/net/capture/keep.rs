//! Which packets are kept, and how much of each. Opens no socket: whether a flow is this process's is asked of the files
//! below a [`Root`].

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Captured, blank, opened};
use crate::net::host::{Root, flows};
use crate::wire::packet::{self, Carrier, Ends, Packet};
use crate::wire::pcap;

/// Longer packets are none.
const LONGEST: u32 = 65_535;

/// Flows that are remembered; all are forgotten when there are more.
const MOST_FLOWS: usize = 65_536;

/// How long what is known of a flow is believed after its last packet, and that it is not ours.
const BELIEVED: Duration = Duration::from_secs(10);
const NOT_OURS: Duration = Duration::from_millis(500);

/// TLS records begin with a handshake (22) of version 3.x (RFC 8446 section 5.1).
const TLS: [u8; 2] = [22, 3];

/// A packet as it was seen.
pub(super) struct Seen<'a> {
    /// Since 1970.
    pub at: Duration,
    /// As it was on the wire, from its IP header on.
    pub length: usize,
    pub bytes: &'a [u8],
    pub is_outgoing: bool,
    /// Both ends are this machine.
    pub is_loopback: bool,
}

/// A flow that was seen.
#[derive(Clone, Copy)]
struct Known {
    is_ours: bool,
    last: Duration,
    /// What this process's first payload was; `None` before there was any.
    is_tls: Option<bool>,
}

/// The file in the making.
pub(super) struct Keep {
    root: Root,
    most: usize,
    /// By local and remote end.
    flows: HashMap<(Carrier, SocketAddr, SocketAddr), Known>,
    /// Whether every UDP socket there is this process's, and since when: a sweep has one, and thousands of flows.
    ends: HashMap<SocketAddr, (bool, Duration)>,
    captured: Captured,
}

impl Keep {
    /// At most `most` bytes.
    pub(super) fn new(root: Root, most: usize) -> Self {
        let captured = Captured { file: pcap::file_header(LONGEST).to_vec(), ..Captured::default() };
        Self { root, most, flows: HashMap::new(), ends: HashMap::new(), captured }
    }

    /// The file; `missed` packets were never seen.
    pub(super) fn finish(self, missed: u32) -> Captured {
        Captured { missed, ..self.captured }
    }

    /// Keeps a packet, or drops it.
    pub(super) fn packet(&mut self, seen: &Seen<'_>) {
        let kept = match packet::read(seen.bytes) {
            Some(Packet::Flow { ends, payload }) => self.of_flow(seen, ends, payload),
            Some(Packet::About(quoted)) => {
                let is_ours = self.is_ours(quoted.carrier, quoted.from, quoted.to, seen.at);
                // What it quotes of TCP could be payload.
                is_ours.then_some(if quoted.carrier == Carrier::Udp { seen.bytes.len() } else { ERROR_HEADERS })
            }
            None => None,
        };
        if let Some(kept) = kept {
            self.write(seen, kept.min(seen.bytes.len()));
        }
    }

    /// How much of a flow's packet is kept; `None` for one of somebody else.
    fn of_flow(&mut self, seen: &Seen<'_>, ends: Ends, payload: usize) -> Option<usize> {
        let as_sent = (ends.from, ends.to);
        let as_came = (ends.to, ends.from);
        // An answer over loopback: its sender's end, another's, need not be looked for.
        let is_answer = self.flows.get(&(ends.carrier, ends.to, ends.from)).is_some_and(|known| known.is_ours);
        let (local, remote) = match (seen.is_loopback, seen.is_outgoing) {
            (true, _) if !is_answer && self.is_ours(ends.carrier, ends.from, ends.to, seen.at) => as_sent,
            (false, true) => as_sent,
            _ => as_came,
        };
        if !self.is_ours(ends.carrier, local, remote, seen.at) {
            return None;
        }
        if ends.carrier == Carrier::Udp {
            return Some(seen.bytes.len());
        }
        let begins = seen.bytes.get(payload..).unwrap_or_default();
        // An Ethernet frame may be padded behind a packet without payload: zeros.
        // What the other end says first decides nothing: it could have a login of ours kept.
        let is_first = ends.from == local && begins.iter().any(|b| *b != 0);
        let first = is_first.then(|| begins.starts_with(&TLS));
        let known = self.flows.get_mut(&(ends.carrier, local, remote))?;
        known.is_tls = known.is_tls.or(first);
        Some(if known.is_tls == Some(true) { seen.bytes.len() } else { payload })
    }

    fn is_ours(&mut self, carrier: Carrier, local: SocketAddr, remote: SocketAddr, at: Duration) -> bool {
        let opened_here = carrier == Carrier::Tcp && opened::is_own(local, remote);
        if let Some(known) = self.flows.get_mut(&(carrier, local, remote)).filter(|known| known.is_ours || !opened_here)
        {
            let believed = if known.is_ours { BELIEVED } else { NOT_OURS };
            if at.saturating_sub(known.last) < believed {
                if known.is_ours {
                    known.last = at;
                }
                return known.is_ours;
            }
        }
        if self.flows.len() >= MOST_FLOWS {
            self.flows.clear();
        }
        let is_ours = match carrier {
            Carrier::Tcp => opened_here || flows::is_own(&self.root, carrier, local, remote),
            Carrier::Udp => self.has_end(local, at) || flows::is_own(&self.root, carrier, local, remote),
        };
        self.flows.insert((carrier, local, remote), Known { is_ours, last: at, is_tls: None });
        is_ours
    }

    /// Whether all that is bound to an end of UDP is this process's.
    fn has_end(&mut self, local: SocketAddr, at: Duration) -> bool {
        if let Some((is_ours, since)) = self.ends.get(&local)
            && at.saturating_sub(*since) < NOT_OURS
        {
            return *is_ours;
        }
        if self.ends.len() >= MOST_FLOWS {
            self.ends.clear();
        }
        let is_ours = flows::is_own_end(&self.root, local);
        self.ends.insert(local, (is_ours, at));
        is_ours
    }

    fn write(&mut self, seen: &Seen<'_>, kept: usize) {
        if self.captured.file.len() + pcap::PACKET_HEADER + kept > self.most {
            self.captured.is_full = true;
            return;
        }
        self.captured.file.extend(pcap::packet_header(seen.at, kept, seen.length));
        let begin = self.captured.file.len();
        self.captured.file.extend(seen.bytes.get(..kept).unwrap_or_default());
        blank::integrity(self.captured.file.get_mut(begin..).unwrap_or_default());
        self.captured.packets += 1;
    }
}

/// IP's and ICMP's headers, and those of the packet that is quoted: 20 + 8 + 20 + 20 in IPv4, of which IPv6 has 60 in full.
const ERROR_HEADERS: usize = 68;

#[cfg(test)]
mod tests;
