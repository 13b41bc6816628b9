//! What the way to a target lets through, as probes see it and findings tell it. Plain values.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::ports::PortSet;

/// A router on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathHop {
    /// 1 is the nearest.
    pub distance: u8,
    pub address: IpAddr,
}

/// Who answered datagrams of several sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MtuAnswerer {
    /// Our responder, whose answers are as long as the requests where that is asked for.
    Responder,
    /// A STUN server: its short answers show the way there alone, and it may take no long request.
    Stun,
}

/// What became of a size in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SizeFate {
    Passed,
    /// A router said that it is too big.
    TooBig,
    /// Longer than this machine's own link takes.
    Local,
    /// Nothing came back for any of three, while small ones were answered.
    Silent,
    /// Nothing can be said.
    Untried,
}

/// One size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MtuSize {
    /// Of the UDP payload.
    pub bytes: u16,
    /// With the headers of IP and UDP.
    pub packet: u16,
    /// Towards the target.
    pub up: SizeFate,
    /// From the target.
    pub down: SizeFate,
}

/// What an ICMP error said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TooBig {
    pub from: Option<IpAddr>,
    /// Of the next link, in bytes of a packet; `None` where the router does not say.
    pub mtu: Option<u32>,
}

/// Which sizes pass with DF set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mtu {
    pub answerer: MtuAnswerer,
    pub port: u16,
    /// Small datagrams were answered before, between and after.
    pub control: bool,
    /// Ascending.
    pub sizes: Vec<MtuSize>,
    /// The smallest that a router told.
    pub too_big: Option<TooBig>,
}

/// What a test at two rates showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicedVerdict {
    /// Slow ones are answered, of fast ones only so many a second.
    Policed,
    NotPoliced,
    CannotTell,
}

/// One of the two rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AtRate {
    pub per_second: u32,
    pub sent: u32,
    pub answered: u32,
    /// Median of the round trips.
    pub rtt_ms: Option<f64>,
}

/// The same datagrams slowly and fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policed {
    pub verdict: PolicedVerdict,
    pub port: u16,
    /// In words, where it cannot be told.
    pub why: Option<String>,
    pub slow: AtRate,
    pub fast: AtRate,
}

/// TCP connections to ports of a range that is silent over UDP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsTcp {
    /// Ports of the range that let the handshake through.
    pub connected: PortSet,
    /// Ports of the range that the host itself refused: its RST came back.
    pub refused: PortSet,
    /// Ports of the range that answered nothing.
    pub silent: PortSet,
    /// Ports outside of the range that were let through, to the service or to a refusal of the host.
    pub outside_reached: PortSet,
    /// Ports outside of the range that answered nothing.
    pub outside_silent: PortSet,
}
