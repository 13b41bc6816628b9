//! What each kind of probe has to know of its rule, beyond host and port.

use crate::model::{RelayTransport, Service, Transport};

use super::row::{Row, transport};

/// What the service's probe has to know. The variants meet a probe in one `match`, in `probe/mod.rs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// `http`, `https`.
    Http(HttpSpec),
    /// `http-redirect`.
    Redirect(RedirectSpec),
    /// `ws`, `wss`.
    Ws(WsSpec),
    /// `stun` over UDP.
    Stun,
    /// `rtp`: a range of UDP ports.
    Range,
    /// `ssh`.
    Ssh,
    /// `dns`: the names themselves.
    Dns,
    /// `turn`, `turns`: a relay, over what its rule's transport says.
    Turn(RelayTransport),
    /// A service whose own probe is not built yet: the plain TCP or UDP probe stands in and says so.
    Plain(Service),
}

/// `http`, `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSpec {
    /// TLS first.
    pub tls: bool,
    /// The document says "HTTP/HTTPS": plain text is taken where TLS is not spoken, and the other way round.
    pub either: bool,
    /// Path to ask for, `/` unless the profile says otherwise.
    pub path: String,
}

/// `http-redirect`: plain HTTP that is "Forwarded".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectSpec {
    /// Path to ask for, `/` unless the profile says otherwise.
    pub path: String,
}

/// `ws`, `wss`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WsSpec {
    /// TLS first.
    pub tls: bool,
    /// Path of the upgrade.
    pub path: String,
    /// Subprotocol that is offered and must be selected.
    pub subprotocol: Option<String>,
    /// What an HTTP answer in place of the upgrade is worth.
    pub refused: RefusedUpgrade,
}

/// What an HTTP answer in place of the upgrade is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefusedUpgrade {
    /// The path and subprotocol are known: the service is not as expected.
    #[default]
    Fail,
    /// The document names no path: the port is open and speaks HTTP, which is all that can be asked.
    Warn,
}

/// What the probe of `row`'s service has to know, with the defaults where the row says nothing.
pub(super) fn build(row: &Row) -> Spec {
    let path = || row.path.clone().unwrap_or_else(|| "/".to_owned());
    match row.service {
        Service::Http | Service::Https => {
            let tls = row.service == Service::Https;
            Spec::Http(HttpSpec { tls, either: row.either.unwrap_or(false), path: path() })
        }
        Service::HttpRedirect => Spec::Redirect(RedirectSpec { path: path() }),
        Service::Ws | Service::Wss => Spec::Ws(WsSpec {
            tls: row.service == Service::Wss,
            path: path(),
            subprotocol: row.subprotocol.clone(),
            refused: row.refused.unwrap_or_default(),
        }),
        Service::Stun => Spec::Stun,
        Service::Rtp => Spec::Range,
        Service::Ssh => Spec::Ssh,
        Service::Dns => Spec::Dns,
        Service::Turn | Service::Turns => {
            let transport = row.transport.unwrap_or_else(|| transport(row.service));
            Spec::Turn(RelayTransport::of(row.service == Service::Turns, transport == Transport::Udp))
        }
        service => Spec::Plain(service),
    }
}
