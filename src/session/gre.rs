//! Knocking at a GRE endpoint: a keepalive and a plain packet, sent again and again until something says what is there.
//! An endpoint that forwards what it takes out of a tunnel sends the keepalive back; strangers it need not answer at all.
//! Knows no socket and no verdict. Packets are those behind the IP header.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::{IcmpError, Meaning, SendError, Session, Transmit, canonical};
use crate::model::schedule::Schedule;
use crate::wire::gre;

/// What showed itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Our keepalive came back, after so long.
    Keepalive(Duration),
    /// No keepalive, although GRE of the peer's own came: its packets reach us, whether or not ours reach it.
    Packet,
    /// The target's stack has no GRE: protocol unreachable, or for IPv6 an unknown next header.
    NoProtocol(IcmpError),
    /// The target says so of a port, which GRE has not: an endpoint without a tunnel for us, as Linux answers, or the host's
    /// own firewall.
    NoTunnel(IcmpError),
    /// Rejected on the way.
    Prohibited(IcmpError),
    /// This machine would not send.
    NotSent(SendError),
    Silence,
}

/// Everything that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `None` while it is under way.
    pub ending: Option<Ending>,
    /// Packets that left.
    pub sent: u32,
    /// From the first packet to the end.
    pub took: Duration,
    /// The last ICMP error that came.
    pub icmp: Option<IcmpError>,
    /// Packets of the target's own that came.
    pub heard: u32,
    /// Packets of ours that came back as they left: from the target, or from ourselves where that is it.
    pub returned: u32,
}

/// The knocking.
pub struct Knock {
    target: SocketAddr,
    us: IpAddr,
    token: u32,
    schedule: Schedule,
    started: Instant,
    next: Instant,
    /// Rounds begun, and when each began: so few that a search costs nothing.
    rounds: Vec<Instant>,
    /// The plain packet of this round is still to be sent.
    plain_due: bool,
    outcome: Outcome,
}

impl Knock {
    /// Begins at `now`. `us` is where our packets come from; a random `token` tells what is ours.
    pub fn new(now: Instant, target: IpAddr, us: IpAddr, token: u32, schedule: Schedule) -> Self {
        Self {
            target: canonical(SocketAddr::new(target, 0)),
            us,
            token,
            schedule,
            started: now,
            next: now,
            rounds: Vec::new(),
            plain_due: false,
            outcome: Outcome { ending: None, sent: 0, took: Duration::ZERO, icmp: None, heard: 0, returned: 0 },
        }
    }

    /// What was seen.
    pub fn finish(self) -> Outcome {
        self.outcome
    }

    fn end(&mut self, now: Instant, ending: Ending) {
        self.outcome.took = now.saturating_duration_since(self.started);
        self.outcome.ending = Some(ending);
    }

    fn round(&self) -> u32 {
        u32::try_from(self.rounds.len()).unwrap_or(u32::MAX)
    }

    fn keepalive(&self, round: u32) -> Option<Vec<u8>> {
        gre::write_keepalive(self.us, self.target.ip(), self.token, round)
    }

    /// Whether these first bytes behind the IP header, as an ICMP error quotes them, are those of a packet of ours.
    pub fn is_ours(&self, quote: &[u8]) -> bool {
        quote.len() >= 4 && self.packets().any(|packet| packet.starts_with(quote) || quote.starts_with(&packet))
    }

    /// Whether it is a whole packet of ours.
    fn is_returned(&self, bytes: &[u8]) -> bool {
        self.packets().any(|packet| bytes.starts_with(&packet))
    }

    /// Every packet that may have left.
    fn packets(&self) -> impl Iterator<Item = Vec<u8>> {
        (1..=self.round()).flat_map(|n| [Some(gre::write_plain(self.token, n)), self.keepalive(n)]).flatten()
    }
}

impl Session for Knock {
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if self.outcome.ending.is_some() || (!self.plain_due && now < self.next) {
            return None;
        }
        let packet = if self.plain_due {
            self.plain_due = false;
            gre::write_plain(self.token, self.round())
        } else if self.rounds.len() >= usize::from(self.schedule.requests) {
            self.end(now, if self.outcome.heard > 0 { Ending::Packet } else { Ending::Silence });
            return None;
        } else {
            self.rounds.push(now);
            self.next = now + self.schedule.wait(u8::try_from(self.rounds.len()).unwrap_or(u8::MAX));
            self.plain_due = true;
            self.keepalive(self.round())?
        };
        buf.get_mut(..packet.len())?.copy_from_slice(&packet);
        self.outcome.sent += 1;
        Some(Transmit { to: self.target, len: packet.len() })
    }

    fn wake(&self) -> Option<Instant> {
        self.outcome.ending.is_none().then_some(if self.plain_due { self.started } else { self.next })
    }

    fn on_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let Some(header) = gre::read(bytes) else { return };
        if self.outcome.ending.is_some() || canonical(from).ip() != self.target.ip() {
            return;
        }
        let sent = || self.rounds.get(usize::try_from(header.sequence?.checked_sub(1)?).ok()?).copied();
        let ours = header.protocol == 0 && header.key == Some(self.token);
        match sent().filter(|_| ours) {
            Some(sent) => self.end(now, Ending::Keepalive(now.saturating_duration_since(sent))),
            None if self.is_returned(bytes) => self.outcome.returned = self.outcome.returned.saturating_add(1),
            // Whatever it is, the keepalive may still come back.
            None => self.outcome.heard = self.outcome.heard.saturating_add(1),
        }
    }

    fn on_icmp(&mut self, now: Instant, error: &IcmpError) {
        if self.outcome.ending.is_some() || canonical(error.to).ip() != self.target.ip() {
            return;
        }
        self.outcome.icmp = Some(*error);
        let from_target = error.from_target();
        match (self.target.is_ipv4(), error.kind, error.code) {
            (true, 3, 2) | (false, 4, 1) if from_target => self.end(now, Ending::NoProtocol(*error)),
            (true, 3, 3) | (false, 1, 4) if from_target => self.end(now, Ending::NoTunnel(*error)),
            _ if matches!(error.meaning(), Meaning::Prohibited) => self.end(now, Ending::Prohibited(*error)),
            _ => {}
        }
    }

    fn on_send_error(&mut self, now: Instant, _: SocketAddr, error: SendError) {
        self.outcome.sent = self.outcome.sent.saturating_sub(1);
        self.end(now, Ending::NotSent(error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: u32 = 0x0102_0304;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn begin() -> (Instant, Knock) {
        let now = Instant::now();
        (now, Knock::new(now, ip("198.51.100.10"), ip("192.0.2.2"), TOKEN, Schedule::QUICK))
    }

    /// What is due at `now`.
    fn sent(knock: &mut Knock, now: Instant) -> Vec<Vec<u8>> {
        let mut buf = [0; 200];
        let mut all = Vec::new();
        while let Some(transmit) = knock.poll_transmit(now, &mut buf) {
            all.push(buf[..transmit.len].to_vec());
        }
        all
    }

    fn target() -> SocketAddr {
        "198.51.100.10:0".parse().unwrap()
    }

    #[test]
    fn a_keepalive_that_comes_back_tells_its_own_round_trip() {
        let (start, mut knock) = begin();
        let first = sent(&mut knock, start);
        assert_eq!(first.len(), 2);
        let second = knock.wake().unwrap();
        sent(&mut knock, second);
        // What the first keepalive carries behind its inner IP header, although the second has left.
        knock.on_datagram(second + Duration::from_millis(7), target(), &first[0][24..]);
        let Some(Ending::Keepalive(rtt)) = knock.finish().ending else { panic!("not known again") };
        assert_eq!(rtt, second - start + Duration::from_millis(7));
    }

    /// Goes on until the schedule is over; how many packets left.
    fn wait(knock: &mut Knock) -> usize {
        std::iter::from_fn(|| knock.wake().map(|at| sent(knock, at).len())).sum()
    }

    #[test]
    fn a_packet_of_the_peers_own_is_told_in_the_end_and_none_of_others() {
        let (start, mut knock) = begin();
        sent(&mut knock, start);
        knock.on_datagram(start, "198.51.100.99:0".parse().unwrap(), &[0, 0, 8, 0]);
        knock.on_datagram(start, target(), &[0, 0, 8]);
        assert_eq!(knock.outcome.heard, 0);
        knock.on_datagram(start, target(), &gre::write_plain(TOKEN + 1, 1));
        assert_eq!(knock.outcome.ending, None, "the keepalive may still come back");
        wait(&mut knock);
        assert_eq!(knock.finish().ending, Some(Ending::Packet));
    }

    #[test]
    fn a_keepalive_counts_after_a_packet_of_the_peers_own() {
        let (start, mut knock) = begin();
        let first = sent(&mut knock, start);
        knock.on_datagram(start, target(), &gre::write_plain(TOKEN + 1, 1));
        knock.on_datagram(start, target(), &first[0][24..]);
        assert!(matches!(knock.finish().ending, Some(Ending::Keepalive(_))));
    }

    #[test]
    fn packets_of_ours_that_come_back_as_they_left_are_nobodys_answer() {
        let (start, mut knock) = begin();
        for packet in sent(&mut knock, start) {
            knock.on_datagram(start, target(), &packet);
        }
        wait(&mut knock);
        let seen = knock.finish();
        assert_eq!((seen.ending, seen.returned, seen.heard), (Some(Ending::Silence), 2, 0));
    }

    #[test]
    fn silence_ends_it_after_the_schedule() {
        let (start, mut knock) = begin();
        let count = sent(&mut knock, start).len() + wait(&mut knock);
        let seen = knock.finish();
        assert_eq!((seen.ending, count, seen.sent), (Some(Ending::Silence), 8, 8));
        assert_eq!(seen.took, Schedule::QUICK.transaction().time);
    }

    #[test]
    fn icmp_errors_are_told_apart_by_what_they_are_and_who_sent_them() {
        let met = |kind, code, from: &str, to: &str| {
            let (start, mut knock) = begin();
            knock.target = SocketAddr::new(ip(to), 0);
            sent(&mut knock, start);
            let error = IcmpError { kind, code, from: Some(ip(from)), to: knock.target };
            knock.on_icmp(start, &error);
            let seen = knock.finish();
            assert_eq!(seen.icmp, Some(error));
            seen.ending
        };
        let (v4, v6) = ("198.51.100.10", "2001:db8::10");
        assert!(matches!(met(3, 2, v4, v4), Some(Ending::NoProtocol(_))));
        assert!(matches!(met(4, 1, v6, v6), Some(Ending::NoProtocol(_))));
        assert!(matches!(met(3, 3, v4, v4), Some(Ending::NoTunnel(_))));
        assert!(matches!(met(1, 4, v6, v6), Some(Ending::NoTunnel(_))));
        assert!(matches!(met(3, 13, "192.0.2.1", v4), Some(Ending::Prohibited(_))));
        assert!(matches!(met(3, 2, "192.0.2.1", v4), Some(Ending::Prohibited(_))));
        assert!(matches!(met(1, 1, "2001:db8::1", v6), Some(Ending::Prohibited(_))));
        assert_eq!(met(3, 1, "192.0.2.1", v4), None, "a router without a way may have one a moment later");
        assert_eq!(met(11, 0, "192.0.2.1", v4), None);
    }

    #[test]
    fn a_quote_is_ours_only_with_what_we_sent() {
        let (start, mut knock) = begin();
        assert!(!knock.is_ours(&gre::write_plain(TOKEN, 1)), "nothing was sent yet");
        let packets = sent(&mut knock, start);
        for packet in &packets {
            assert!(knock.is_ours(packet) && knock.is_ours(&packet[..8]));
            assert!(knock.is_ours(&[packet.as_slice(), &[0; 20]].concat()));
        }
        assert!(!knock.is_ours(&gre::write_plain(TOKEN + 1, 1)) && !knock.is_ours(&[0, 0]));
    }
}
