//! A relay's check, a rule's or one that the operator names: it passes when data came back through it, and each way in
//! which that fails has its own sentence.

mod errors;

use serde::Deserialize;

use crate::model::{Estimates, Facts, Failure, FailureKind, Outcome, RelayTransport, Seen, Status, Step, Way, metric};

use super::aim::Aim;
use super::check::{Judgement, days_left, status_of_certificate};
use super::{figures, limits, reason, remedy};
use errors::TurnError;

/// What a probe says of the way through a relay; what it does not know is absent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Relay {
    /// The server's address and port.
    pub server: Option<String>,
    pub relayed: Option<String>,
    /// This machine as the relay sees it.
    pub mapped: Option<String>,
    pub realm: Option<String>,
    /// `itself`, or an address and port.
    pub peer: Option<String>,
    /// `long-term`, `rest` or `none`.
    pub login: Option<String>,
    /// How long ago the user name's own time was up, in seconds.
    pub expired_s: Option<f64>,
    /// Reached through the HTTP proxy.
    pub proxy: bool,
}

impl Relay {
    /// Reads a probe's facts.
    pub fn read(facts: &Facts) -> Self {
        facts.get(&metric::RELAY).unwrap_or_default()
    }

    /// Data were sent through it to its own relayed address, which a relay may forbid.
    fn to_itself(&self) -> bool {
        self.peer.as_deref().is_none_or(|p| p == "itself")
    }
}

/// Judges one relay over one transport.
pub fn judge(aim: &Aim<'_>, transport: RelayTransport, seen: &Seen) -> Judgement {
    let tried = format!("{} on {} at {}", Way::from(transport).words(), aim.port, aim.place());
    match &seen.observation.outcome {
        Outcome::Skipped(because) => Judgement { status: Status::Skip, reason: reason::skipped(because) },
        Outcome::Failed(failure) if failure.step == Step::Name => {
            Judgement { status: by_kind(failure.kind), reason: remedy::name(aim, failure) }
        }
        Outcome::Failed(failure) => {
            let facts = &seen.observation.facts;
            let status = status_of_failure(failure, transport, facts);
            let words = words_of_failure(aim, transport, seen, failure, status);
            Judgement { status, reason: format!("{tried}: {words}.") }
        }
        Outcome::Measured => measured(&tried, &seen.observation.facts),
    }
}

/// Whether an ending says anything of the network at all.
fn by_kind(kind: FailureKind) -> Status {
    match kind {
        FailureKind::OutOfTime | FailureKind::Internal | FailureKind::NoCredentials => Status::Unknown,
        _ => Status::Fail,
    }
}

/// Silence over UDP decides nothing as long as the relay never answered; nor does a relay that forbids itself as a peer,
/// as it should: it may carry media to anyone else.
fn status_of_failure(failure: &Failure, transport: RelayTransport, facts: &Facts) -> Status {
    let relay = Relay::read(facts);
    let heard = relay.realm.is_some() || relay.relayed.is_some();
    let first = !matches!(failure.step, Step::Permission | Step::Channel | Step::Relay | Step::Release);
    let silent = failure.kind == FailureKind::TimedOut && transport.is_udp() && first && !heard;
    match () {
        () if silent => Status::Unknown,
        () if relay.to_itself() && TurnError::read(facts).is_some_and(|e| e.forbids_peer()) => Status::Unknown,
        () => by_kind(failure.kind),
    }
}

/// What was seen and what to change, for the one who can change it.
fn words_of_failure(
    aim: &Aim<'_>,
    transport: RelayTransport,
    seen: &Seen,
    failure: &Failure,
    status: Status,
) -> String {
    let facts = &seen.observation.facts;
    if let Some(error) = TurnError::read(facts).filter(|_| failure.kind == FailureKind::TurnError) {
        return error.words(&Relay::read(facts));
    }
    let change = match failure.kind {
        FailureKind::NoCredentials => {
            "set RTC_CHECK_TURN_USERNAME and RTC_CHECK_TURN_PASSWORD, or RTC_CHECK_TURN_SECRET".to_owned()
        }
        FailureKind::NoRelay => return none_came_back(&Relay::read(facts), facts, failure),
        FailureKind::ProxyRefused => proxy_refused(aim, facts),
        FailureKind::ProxyLogin => remedy::of_proxy_login(facts).to_owned(),
        FailureKind::TimedOut if status == Status::Unknown => format!(
            "silence over UDP decides nothing: allow {} outbound to {}, and ask whether the relay listens there",
            aim.port,
            aim.to()
        ),
        FailureKind::TimedOut if transport.is_udp() && failure.step != Step::Connect => {
            format!("the relay had answered before: look for what loses or limits UDP between here and {}", aim.to())
        }
        kind => wrong_protocol(transport, failure.step, kind)
            .map_or_else(|| remedy::of(aim, seen, failure, status), str::to_owned),
    };
    format!("{}; {change}", failure.detail)
}

/// `allocated 198.51.100.5:50123, and none of 50 packets came back: …`.
fn none_came_back(relay: &Relay, facts: &Facts, failure: &Failure) -> String {
    let relayed = relay.relayed.as_deref().unwrap_or("an address");
    let packets = facts.get::<u64>(&metric::SENT).map(|n| format!("none of {n} packets came back"));
    let packets = packets.unwrap_or_else(|| failure.detail.clone());
    let by_itself = match relay.to_itself() {
        true => " (or a NAT in front of it does not bring back what it sends to itself)",
        false => "",
    };
    format!(
        "allocated {relayed}, and {packets}: the relay's firewall drops UDP on its relayed ports{by_itself}; open its whole relay range (49152-65535 unless it is set otherwise) both ways at the relay"
    )
}

fn proxy_refused(aim: &Aim<'_>, facts: &Facts) -> String {
    let port = aim.port.trim_start_matches("TCP ");
    match facts.get::<u16>(&metric::PROXY_STATUS) {
        Some(403) => format!("the proxy's policy forbids it: have its operator allow CONNECT to {}:{port}", aim.host),
        Some(code @ 500..) => {
            format!("the proxy could not reach {}:{port} itself ({code}): allow it outbound from the proxy", aim.host)
        }
        _ => format!("ask the proxy's operator to allow CONNECT to {}:{port}", aim.host),
    }
}

/// A port on which something else is spoken than TURN over this transport.
fn wrong_protocol(transport: RelayTransport, step: Step, kind: FailureKind) -> Option<&'static str> {
    use FailureKind::{Closed, Garbage, NotTls, Reset, TimedOut, TlsCutOff};
    let tcp = !transport.is_udp();
    Some(match kind {
        NotTls => {
            "no TLS is spoken there: have the relay serve TLS on this port, or use this port without TLS (turn:…?transport=tcp)"
        }
        TlsCutOff if transport.is_secure() => {
            "the relay may speak TURN without TLS there (turn:…?transport=tcp), has no certificate, or an inspection device cuts it: have the relay serve TLS on this port, and exempt it from inspection"
        }
        Reset | Closed if tcp && !transport.is_secure() && step != Step::Connect => {
            "the port is open and hangs up on TURN in plain text: it may want TLS (turns:…), or an inspection device cuts what is not HTTP; exempt this destination from inspection"
        }
        Garbage => {
            "what listens there is no TURN server, perhaps a web server or an inspection device that answers in its name: check the port, and exempt this destination from inspection"
        }
        TimedOut if tcp && step != Step::Connect && step != Step::Tls && step != Step::Proxy => {
            "the port is open and says nothing to TURN: it may want TLS (turns:…), belong to another service, or a middlebox swallows it"
        }
        _ => return None,
    })
}

fn measured(tried: &str, facts: &Facts) -> Judgement {
    if let Some(fallback) = facts.get::<String>(&metric::FALLBACK) {
        // It is there, and whether it relays is not known.
        return Judgement { status: Status::Unknown, reason: format!("{tried}: {fallback}.") };
    }
    if facts.get::<u64>(&metric::RECEIVED).is_none_or(|n| n == 0) {
        let words = "gave no figure of what came back through it, so nothing is known of what it relays";
        return Judgement { status: Status::Unknown, reason: format!("{tried} {words}.") };
    }
    let estimates: Estimates = facts.get(&metric::ESTIMATES).unwrap_or_default();
    let lossy = limits::loses_too_much(&estimates);
    let status = if lossy { Status::Warn } else { Status::Pass }.worst(status_of_certificate(facts));
    let mut text = format!("{tried} relays media{}", through(&Relay::read(facts)));
    if let Some(ms) = facts.get::<f64>(&metric::READY_MS) {
        text.push_str(&format!(", ready in {} ms", figures::number(ms)));
    }
    let figures = figures::train(facts);
    if !figures.is_empty() {
        text.push_str(&format!("; {figures}"));
    }
    if lossy {
        text.push_str("; it loses more than a call bears: look for what loads or limits the path");
    }
    text.push_str(&addresses(&Relay::read(facts)));
    text.push_str(&reason::certificate(days_left(facts)));
    Judgement { status, reason: text + "." + &figures::caveats_of_way(facts) }
}

/// What stands between here and the relay.
fn through(relay: &Relay) -> &'static str {
    if relay.proxy { " through the proxy" } else { "" }
}

fn addresses(relay: &Relay) -> String {
    let relayed = relay.relayed.as_ref().map(|a| format!("; relayed address {a}")).unwrap_or_default();
    let mapped = relay.mapped.as_ref().map(|a| format!(", this machine is seen as {a}")).unwrap_or_default();
    let open = match relay.login.as_deref() {
        Some("none") => "; it relays for anyone: have its operator require credentials",
        _ => "",
    };
    format!("{relayed}{mapped}{open}")
}

#[cfg(test)]
mod tests;
