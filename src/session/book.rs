//! What became of each port of a range: shared by the sample and the sweep. Knows neither pace nor order.

use std::net::{IpAddr, SocketAddr};

use super::icmp::{IcmpError, Meaning};
use super::ids::Ids;
use super::{Credential, SendError, Transmit, canonical, write_request};
use crate::model::{PortRange, PortSet};
use crate::wire::stun::{Class, Message};

/// Datagrams that came and were not accepted, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strays {
    /// STUN with a transaction id that was not asked there.
    pub wrong_id: u32,
    /// From another address or port than was asked.
    pub wrong_source: u32,
    /// Not STUN, cut off, or with a wrong FINGERPRINT.
    pub not_stun: u32,
}

/// Answers to requests of ours that came from another address or port than was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Astray {
    pub count: u32,
    /// Where the first of them came from.
    pub from: SocketAddr,
}

/// How a sample or sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every port that was to be asked was asked often enough.
    Complete,
    /// Nothing at all answered the first ports, spread over the range and asked twice; the others were not asked.
    NothingAnswered,
    /// A responder answered: the sample is not worth going on with.
    ResponderFound,
    /// The caller stopped it first.
    Unfinished,
}

/// What a sample or sweep saw.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeOutcome {
    pub ended: Ended,
    /// Ports that answered.
    pub answered: PortSet,
    /// Ports that the target itself refused.
    pub refused: PortSet,
    /// Ports asked (by a sweep at least twice) from which nothing came back.
    pub silent: PortSet,
    /// Ports stopped on the way, by ICMP (prohibited or unreachable) or by a firewall on this machine.
    pub prohibited: PortSet,
    /// How many ports were asked, or kept back for good by this machine's own rules.
    pub probed: u32,
    /// How many ports the range has.
    pub total: u32,
    /// Datagrams sent.
    pub sent: u32,
    /// Version of the rtc-check responder that answered.
    pub responder: Option<u16>,
    /// The most telling ICMP error: a prohibition before an unreachable before a refusal.
    pub icmp: Option<IcmpError>,
    /// Why this machine would not send, the first time it would not.
    pub send_error: Option<SendError>,
    /// Share of the first datagrams that went unanswered at ports that answered in the end, 0 to 1.
    pub loss: Option<f64>,
    /// Ports that loss alone can be expected to have left silent; `None` where no port answered.
    pub expected_missed: Option<f64>,
    /// The longest round trip seen.
    pub rtt: Option<std::time::Duration>,
    pub strays: Strays,
    pub astray: Option<Astray>,
}

/// State of one port, worst evidence first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Silent,
    /// ICMP host or network unreachable, which may pass: it is asked again.
    Unreachable,
    Prohibited,
    Refused,
    Answered,
}

#[derive(Clone, Copy)]
struct Port {
    fate: Fate,
    /// Datagrams really sent.
    asks: u8,
    /// Rounds in which this machine's own rules kept one back.
    kept_back: u8,
}

/// EPERM in so many rounds, and nothing that ever left, makes a port prohibited: once may be a full connection-tracking
/// table, which gives the same error.
const KEPT_BACK: u8 = 2;

/// An accepted answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub port: u16,
    /// Which datagram to that port it answers, from 0.
    pub attempt: u8,
    /// It answers the last datagram sent there, so its round trip can be told.
    pub latest: bool,
    /// The port had not answered before.
    pub fresh: bool,
}

/// Ports of one target and what became of them.
pub(crate) struct Book {
    target: IpAddr,
    range: PortRange,
    ids: Ids,
    credential: Option<Credential>,
    ports: Vec<Port>,
    settled: u32,
    reached: u32,
    sent: u32,
    attempts_failed: u32,
    responder: Option<u16>,
    icmp: Option<IcmpError>,
    send_error: Option<SendError>,
    strays: Strays,
    astray: Option<Astray>,
}

impl Book {
    pub(crate) fn new(target: IpAddr, range: PortRange, secret: &[u8; 32], credential: Option<Credential>) -> Self {
        Self {
            target: target.to_canonical(),
            range,
            ids: Ids::new(secret),
            credential,
            ports: vec![Port { fate: Fate::Silent, asks: 0, kept_back: 0 }; range.count() as usize],
            settled: 0,
            reached: 0,
            sent: 0,
            attempts_failed: 0,
            responder: None,
            icmp: None,
            send_error: None,
            strays: Strays::default(),
            astray: None,
        }
    }

    fn index(&self, port: u16) -> Option<usize> {
        usize::from(port).checked_sub(usize::from(self.range.first()))
    }

    fn port(&self, port: u16) -> Option<&Port> {
        self.ports.get(self.index(port)?)
    }

    fn port_mut(&mut self, port: u16) -> Option<&mut Port> {
        let index = self.index(port)?;
        self.ports.get_mut(index)
    }

    /// Writes the next request to `port` and counts it.
    pub(crate) fn ask(&mut self, port: u16, buf: &mut [u8]) -> Option<Transmit> {
        let attempt = self.port(port)?.asks;
        let len = write_request(buf, self.ids.id(port, attempt), self.credential.as_ref())?;
        self.port_mut(port)?.asks = attempt.checked_add(1)?;
        self.sent = self.sent.saturating_add(1);
        Some(Transmit { to: SocketAddr::new(self.target, port), len })
    }

    /// The last request to `to` never left.
    pub(crate) fn not_sent(&mut self, to: SocketAddr, error: SendError) {
        self.send_error.get_or_insert(error);
        self.sent = self.sent.saturating_sub(1);
        let kept_back = error == SendError::Prohibited;
        self.attempts_failed = self.attempts_failed.saturating_add(u32::from(!kept_back));
        let Some(port) = self.port_mut(to.port()) else { return };
        port.asks = port.asks.saturating_sub(1);
        port.kept_back = port.kept_back.saturating_add(u8::from(kept_back));
        if port.asks == 0 && port.kept_back >= KEPT_BACK {
            self.settle(to.port(), Fate::Prohibited);
        }
    }

    /// Nothing ever left this machine although it was tried a few times, or once more in a later round.
    pub(crate) fn cannot_send(&self) -> bool {
        self.sent == 0 && (self.attempts_failed >= 8 || self.settled > 0)
    }

    /// Takes in a datagram; `None` if it answers nothing that was asked.
    pub(crate) fn on_datagram(&mut self, from: SocketAddr, bytes: &[u8]) -> Option<Hit> {
        let from = canonical(from);
        let Some(&Port { asks, fate, .. }) = self.port(from.port()).filter(|p| p.asks > 0 && from.ip() == self.target)
        else {
            self.strays.wrong_source = self.strays.wrong_source.saturating_add(1);
            if let Some(message) = Message::read(bytes).ok().filter(|m| m.fingerprint_ok() != Some(false)) {
                self.note_astray(from, &message);
            }
            return None;
        };
        let Some(message) = Message::read(bytes).ok().filter(|m| m.fingerprint_ok() != Some(false)) else {
            self.strays.not_stun = self.strays.not_stun.saturating_add(1);
            return None;
        };
        let Some(attempt) = self.ids.attempt(from.port(), &message.id()).filter(|a| *a < asks) else {
            self.strays.wrong_id = self.strays.wrong_id.saturating_add(1);
            self.note_astray(from, &message);
            return None;
        };
        self.responder = self.responder.or_else(|| marker(&message));
        self.settle(from.port(), Fate::Answered);
        let fresh = fate != Fate::Answered;
        Some(Hit { port: from.port(), attempt, latest: attempt + 1 == asks, fresh })
    }

    /// Counts an answer to another request of ours than one that was sent to `from`.
    fn note_astray(&mut self, from: SocketAddr, message: &Message<'_>) {
        let Some((port, attempt)) = self.ids.asked(&message.id()) else { return };
        let elsewhere = from != SocketAddr::new(self.target, port);
        if is_response(message) && elsewhere && self.port(port).is_some_and(|p| attempt < p.asks) {
            let known = self.astray.get_or_insert(Astray { count: 0, from });
            known.count = known.count.saturating_add(1);
        }
    }

    /// Takes in an ICMP error.
    pub(crate) fn on_icmp(&mut self, error: &IcmpError) {
        let to = canonical(error.to);
        if to.ip() != self.target || self.port(to.port()).is_none_or(|p| p.asks == 0) {
            return;
        }
        let fate = match error.meaning() {
            Meaning::Refused => Fate::Refused,
            Meaning::Prohibited => Fate::Prohibited,
            Meaning::Unreachable => Fate::Unreachable,
            Meaning::TooBig | Meaning::TimeExceeded | Meaning::Other => Fate::Silent,
        };
        if self.icmp.as_ref().is_none_or(|known| weight(error) > weight(known)) {
            self.icmp = Some(*error);
        }
        self.settle(to.port(), fate);
    }

    /// Better evidence replaces worse; nothing replaces an answer.
    fn settle(&mut self, number: u16, fate: Fate) {
        let Some(port) = self.port_mut(number) else { return };
        let before = port.fate;
        port.fate = before.max(fate);
        let after = port.fate;
        let settled = |f: Fate| f >= Fate::Prohibited;
        let reached = |f: Fate| f >= Fate::Refused;
        self.settled += u32::from(!settled(before) && settled(after));
        self.reached += u32::from(!reached(before) && reached(after));
    }

    /// Whether the port needs no more asking.
    pub(crate) fn settled(&self, port: u16) -> bool {
        self.port(port).is_none_or(|p| p.fate >= Fate::Prohibited)
    }

    /// Datagrams sent.
    pub(crate) fn sent(&self) -> u32 {
        self.sent
    }

    /// How many ports need no more asking.
    pub(crate) fn settled_count(&self) -> u32 {
        self.settled
    }

    /// How many ports answered or were refused by the target itself.
    pub(crate) fn reached(&self) -> u32 {
        self.reached
    }

    /// How many ports the range has.
    pub(crate) fn total(&self) -> u32 {
        self.range.count()
    }

    pub(crate) fn responder(&self) -> Option<u16> {
        self.responder
    }

    /// The ports that meet `test`.
    fn set(&self, test: impl Fn(&Port) -> bool) -> PortSet {
        self.range.iter().zip(&self.ports).filter(|(_, p)| test(p)).map(|(n, _)| n).collect()
    }

    /// What was seen; `least` asks make a port silent.
    pub(crate) fn outcome(&self, ended: Ended, least: u8) -> RangeOutcome {
        RangeOutcome {
            ended,
            answered: self.set(|p| p.fate == Fate::Answered),
            refused: self.set(|p| p.fate == Fate::Refused),
            silent: self.set(|p| p.fate == Fate::Silent && p.asks >= least.max(1)),
            prohibited: self.set(|p| matches!(p.fate, Fate::Prohibited | Fate::Unreachable)),
            probed: u32::try_from(self.ports.iter().filter(|p| p.asks > 0 || p.fate == Fate::Prohibited).count())
                .unwrap_or(u32::MAX),
            total: self.total(),
            sent: self.sent,
            responder: self.responder,
            icmp: self.icmp,
            send_error: self.send_error,
            loss: None,
            expected_missed: None,
            rtt: None,
            strays: self.strays,
            astray: self.astray,
        }
    }
}

/// The marker of a responder; a request that comes back carries our own and says nothing.
fn marker(message: &Message<'_>) -> Option<u16> {
    is_response(message).then(|| message.responder()).flatten()
}

fn is_response(message: &Message<'_>) -> bool {
    matches!(message.class(), Class::Success | Class::Error)
}

/// How much an ICMP error tells.
fn weight(error: &IcmpError) -> u8 {
    match error.meaning() {
        Meaning::Prohibited => 5,
        Meaning::Unreachable => 4,
        Meaning::TimeExceeded => 3,
        Meaning::TooBig => 2,
        Meaning::Refused => 1,
        Meaning::Other => 0,
    }
}
