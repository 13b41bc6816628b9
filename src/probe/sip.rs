//! SIP OPTIONS over UDP, TCP and TLS (RFC 3261): who answers, how fast, and whether the request was rewritten on the way.
//! Any answer but a provisional one is a sign of life; what its code is worth is not decided here.

mod alg;
mod echo;
mod mapped;
mod over_stream;
mod over_udp;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio_util::sync::CancellationToken;

use super::{Settings, Task};
use crate::model::{Observation, Step, metric, millis};
use crate::net::chance;
use crate::net::classify::clean;
use crate::net::interfaces;
use crate::profile::SipCarrier;
use crate::session::access;
use crate::wire::sip::{Carrier, Message, Options, Origin, Start};
use alg::Evidence;
use echo::Echo;

const AGENT: &str = concat!("rtc-check/", env!("CARGO_PKG_VERSION"));

/// Asks the task's first port.
pub async fn probe(task: &Task, settings: &Settings, carrier: SipCarrier, cancel: &CancellationToken) -> Observation {
    match carrier {
        SipCarrier::Udp => over_udp::probe(task, settings, cancel).await,
        SipCarrier::Tcp => over_stream::probe(task, settings, Carrier::Tcp, cancel).await,
        SipCarrier::Tls => over_stream::probe(task, settings, Carrier::Tls, cancel).await,
    }
}

/// One request: to whom, and what makes its answer known.
#[derive(Clone, Debug)]
struct Request {
    host: String,
    random: String,
    /// For a responder with a key.
    proof: Option<String>,
}

impl Request {
    /// A new one to the task's host.
    fn to(task: &Task, settings: &Settings) -> Self {
        let random = format!("{:016x}", u64::from_ne_bytes(chance::bytes()));
        let mut request = Self { host: task.host.clone(), random, proof: None };
        let call = request.options().call_id();
        request.proof = settings.responder_key.as_ref().map(|key| access::sip_token(key.bytes(), &call));
        request
    }

    fn options(&self) -> Options<'_> {
        Options { host: &self.host, random: &self.random, agent: AGENT }
    }

    fn encode(&self, origin: &Origin) -> Vec<u8> {
        self.options().encode_from(origin, self.proof.as_deref()).into_bytes()
    }

    /// Whether it is the final answer to this request.
    fn is_answered_by(&self, message: &Message) -> bool {
        let last = matches!(message.start, Start::Response { status, .. } if status >= 200);
        last && message.answers(&self.options())
    }
}

/// This machine's own address on the way to `to`; unspecified where there is no way.
fn own_address(to: IpAddr) -> IpAddr {
    let none = if to.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    interfaces::route(to).map_or(none, |route| route.source.to_canonical())
}

/// Facts of the answer, and its step.
fn record(observation: &mut Observation, answer: &Message, rtt: Option<Duration>, took: Duration) {
    let Start::Response { status, .. } = &answer.start else { return };
    observation.step_ok(Step::Options, took);
    observation.facts.set(&metric::SIP_STATUS, status);
    if let Some(rtt) = rtt {
        observation.facts.set(&metric::SIP_RTT_MS, millis(rtt));
    }
    if let Some(server) = answer.header("server").or_else(|| answer.header("user-agent")) {
        observation.facts.set(&metric::SIP_SERVER, clean(server, 100));
    }
    if let Some(received) = answer.via().and_then(|via| via.received) {
        observation.facts.set(&metric::SIP_RECEIVED, received.to_string());
    }
}

/// The answer to the strange request, and what STUN told meanwhile: of which nothing is waited for where the answer bears
/// another address than the own one, because that decides.
async fn aside(
    own: IpAddr,
    strange: impl Future<Output = Option<Message>>,
    mapped: impl Future<Output = Option<alg::Mapped>>,
) -> (Option<Message>, Option<alg::Mapped>) {
    match select(pin!(strange), pin!(mapped)).await {
        Either::Left((strange, mapped)) => {
            let seen = strange.as_ref().and_then(|s| Echo::of(s).received);
            let mapped = if seen.is_some_and(|seen| seen != own) { None } else { mapped.await };
            (strange, mapped)
        }
        Either::Right((mapped, strange)) => (strange.await, mapped),
    }
}

/// Weighs what came back of an honest request and of a strange one.
fn weigh(
    observation: &mut Observation,
    own: SocketAddr,
    documentation: IpAddr,
    (honest, strange): (&Message, Option<&Message>),
    mapped: Option<alg::Mapped>,
) {
    let evidence = Evidence { own, documentation, honest: Echo::of(honest), strange: strange.map(Echo::of), mapped };
    observation.facts.set(&metric::SIP_ALG, evidence.weigh());
}

#[cfg(test)]
mod tests;
