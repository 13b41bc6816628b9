//! What DNS servers said, asked one by one. One shape for the one who asks and the one who judges.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::FailureKind;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    #[serde(rename = "AAAA")]
    Aaaa,
}

/// What one server said to one question: an element of `observed.dns_servers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerAnswer {
    /// Address and port of the server.
    pub server: SocketAddr,
    /// `A` or `AAAA`.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// `NOERROR`, `NXDOMAIN`, `SERVFAIL`, …; absent where no answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rcode: Option<String>,
    /// The addresses, aliases followed.
    pub addresses: Vec<IpAddr>,
    /// Smallest time to live on the way to the addresses, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u32>,
    /// From the first question sent to the answer, in milliseconds; absent where no answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<f64>,
    /// Why no answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<FailureKind>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl ServerAnswer {
    /// A server that did not answer, because …
    pub fn none(server: SocketAddr, kind: Kind, error: FailureKind, detail: impl Into<String>) -> Self {
        let detail = Some(detail.into());
        Self { server, kind, rcode: None, addresses: Vec::new(), ttl_s: None, ms: None, error: Some(error), detail }
    }
}

/// Why a resolver is asked for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskedFor {
    /// The plan needs it.
    Needed,
    /// It cannot exist: an address for it is a lie.
    Nowhere,
}

/// What carries a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// RFC 1035.
    Udp,
    /// RFC 7766.
    Tcp,
}

/// One question and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub name: String,
    pub asked_for: AskedFor,
    pub over: Over,
    #[serde(flatten)]
    pub answer: ServerAnswer,
}

impl Question {
    /// Any answer came, whatever it says.
    pub fn is_answered(&self) -> bool {
        self.answer.rcode.is_some()
    }
}

/// Everything that one resolver was asked: `observed.resolver`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolverSeen {
    /// Address and port of the resolver.
    pub server: SocketAddr,
    /// Whether this machine is configured to ask it, or the operator named it.
    pub configured: bool,
    /// In the order in which they are told.
    pub questions: Vec<Question>,
}

impl ResolverSeen {
    /// The questions of a sort.
    pub fn of(&self, asked_for: AskedFor, over: Over) -> impl Iterator<Item = &Question> {
        self.questions.iter().filter(move |q| q.asked_for == asked_for && q.over == over)
    }

    /// Names that cannot exist and for which it gave addresses.
    pub fn lies(&self) -> Vec<&Question> {
        self.of(AskedFor::Nowhere, Over::Udp).filter(|q| !q.answer.addresses.is_empty()).collect()
    }

    /// Middle of the times of answers over UDP to names that are needed, and how many there were; `None` for fewer than
    /// two. The first may have to be fetched from far away; the middle one, or the smaller of two, is the resolver's own.
    pub fn median_ms(&self) -> Option<(f64, usize)> {
        let mut times: Vec<f64> = self.of(AskedFor::Needed, Over::Udp).filter_map(|q| q.answer.ms).collect();
        times.sort_by(f64::total_cmp);
        (times.len() >= 2).then(|| times.get((times.len() - 1) / 2).map(|ms| (*ms, times.len())))?
    }

    /// The shortest and the longest of those times.
    pub fn spread_ms(&self) -> Option<(f64, f64)> {
        let times = || self.of(AskedFor::Needed, Over::Udp).filter_map(|q| q.answer.ms);
        Some((times().reduce(f64::min)?, times().reduce(f64::max)?))
    }

    /// Whether anything came back over this transport.
    pub fn answers_over(&self, over: Over) -> bool {
        self.questions.iter().any(|q| q.over == over && q.is_answered())
    }

    /// Nothing came back over UDP, which was asked three times at the least, and something did over TCP. An answer that was
    /// cut short came.
    pub fn is_blocked_over_udp(&self) -> bool {
        let by_udp: Vec<&Question> = self.questions.iter().filter(|q| q.over == Over::Udp).collect();
        let is_lost = |q: &&Question| {
            use FailureKind::{Prohibited, Refused, ResolverTimeout, TimedOut, Unreachable};
            matches!(q.answer.error, Some(ResolverTimeout | TimedOut | Refused | Unreachable | Prohibited))
        };
        by_udp.len() >= 3 && by_udp.iter().all(is_lost) && self.answers_over(Over::Tcp)
    }

    /// It answers every question that it is not going to (REFUSED).
    pub fn refuses(&self) -> bool {
        let mut codes = self.questions.iter().filter_map(|q| q.answer.rcode.as_deref()).peekable();
        codes.peek().is_some() && codes.all(|code| code == "REFUSED")
    }
}
