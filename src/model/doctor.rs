//! What a machine allows a run, and how it stands to the network: plain values, and one line for each that says what it
//! means. Addresses are text, so that a token can stand in their place. Knows neither how they are read nor how drawn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::machine::{LinkKind, Synchronisation};
use super::redaction::Redacted;

/// The schema's name in every such document.
pub const DOCTOR_SCHEMA: &str = "rtc-check/doctor/1";

/// The whole answer of `rtc-check doctor`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Doctor {
    /// Always [`DOCTOR_SCHEMA`].
    pub schema: String,
    pub tool: Program,
    /// RFC 3339 in UTC.
    pub taken: String,
    /// One for each thing that a run needs or meets.
    pub lines: Vec<Line>,
    pub environment: Environment,
    /// What is replaced by tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<Redacted>,
}

/// The program that looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Program {
    pub name: String,
    pub version: String,
    /// What it was built with.
    pub features: Vec<String>,
}

/// How much of what a run wants there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// All of it.
    Ok,
    /// Less: some checks see less, or something is to be known before their results are read.
    Limited,
    /// None: the checks that need it cannot be made.
    Missing,
}

impl Standing {
    /// The word in a document.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Ok => "ok",
            Standing::Limited => "limited",
            Standing::Missing => "missing",
        }
    }
}

/// One thing that a run needs or meets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Stable: `raw-sockets`.
    pub id: String,
    pub title: String,
    pub status: Standing,
    /// What was found.
    pub found: String,
    /// What it means for a run.
    pub meaning: String,
    /// What to change; absent where there is nothing to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
}

/// Everything that was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    pub system: System,
    pub allowed: Allowed,
    pub interfaces: Vec<Interface>,
    /// Where packets to the Internet would leave, by family; a family without a route is missing.
    pub ways_out: Vec<WayOut>,
    /// The main table's default routes and the first others.
    pub routes: Vec<Route>,
    /// How many routes there are beside those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_routes: usize,
    pub resolvers: Resolvers,
    pub proxies: Proxies,
    pub clock: Clock,
    pub roots: Roots,
    pub firewall: Firewall,
    /// Why something is missing above: a clause each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_told: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if is given a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Hardware and operating system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct System {
    pub hostname: String,
    /// The distribution's name with its version.
    pub distribution: Option<String>,
    /// `Linux 6.1.0`.
    pub kernel: Option<String>,
    pub architecture: Option<String>,
    /// Its kind, where this is one.
    pub container: Option<String>,
    pub is_guest: bool,
    /// It runs as root, of its own user namespace at least.
    pub is_root: bool,
}

/// Whether the system lets something be done, found out by trying it where that sends nothing to the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tried {
    pub works: bool,
    /// In the system's words, why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What this process may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allowed {
    /// A raw socket of GRE.
    pub raw_ipv4: Tried,
    pub raw_ipv6: Tried,
    /// A socket that sees whole packets.
    pub capture: Tried,
    /// ICMP errors are told to the socket that caused them.
    pub error_queue_ipv4: Tried,
    pub error_queue_ipv6: Tried,
    /// The kernel says when a datagram came.
    pub timestamps: Tried,
    /// A filter on a socket of one's own.
    pub socket_filters: Tried,
    pub descriptors: Option<Descriptors>,
    pub receive_buffer: Option<ReceiveBuffer>,
    pub low_ports: Option<LowPorts>,
}

/// How many files and sockets the process may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Descriptors {
    pub soft: u64,
    /// What it may raise its own limit to.
    pub hard: u64,
}

/// How much of what came may wait to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiveBuffer {
    /// `net.core.rmem_max`.
    pub most_bytes: u64,
    /// The process may pass over it (CAP_NET_ADMIN).
    pub is_exempt: bool,
}

/// Which ports the process may listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LowPorts {
    /// `net.ipv4.ip_unprivileged_port_start`: from here on everybody may.
    pub first_free: u32,
    /// The process may below, too (CAP_NET_BIND_SERVICE).
    pub is_exempt: bool,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    pub interface: String,
    pub kind: LinkKind,
    /// The interfaces below it that say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
    /// The kernel's word: `up`, `down`, `unknown` (which tunnels and loopback are while they work).
    pub state: String,
    pub mtu: Option<u32>,
    /// With the length of their prefix: `192.0.2.2/24`.
    pub addresses: Vec<String>,
}

impl Interface {
    /// It may carry packets.
    pub fn is_up(&self) -> bool {
        self.state != "down" && self.state != "lowerlayerdown" && self.state != "notpresent"
    }
}

/// The way that packets to the Internet take out of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WayOut {
    pub family: Family,
    /// The address that they leave from.
    pub source: String,
    /// `None` where the system does not tell.
    pub interface: Option<String>,
    pub kind: LinkKind,
}

/// Version of the Internet Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Family {
    #[serde(rename = "IPv4")]
    V4,
    #[serde(rename = "IPv6")]
    V6,
}

impl Family {
    /// As people write it: `IPv4`.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }
}

/// A row of the main routing table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// `0.0.0.0/0` for the default.
    pub to: String,
    /// `None` for what is on the link itself.
    pub gateway: Option<String>,
    pub interface: String,
    pub metric: u32,
}

impl Route {
    /// It leads wherever no other does.
    pub fn is_default(&self) -> bool {
        self.to.ends_with("/0")
    }
}

/// Who is asked for names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resolvers {
    /// As `/etc/resolv.conf` has them.
    pub servers: Vec<String>,
    pub search: Vec<String>,
    /// `ndots:1` and the like.
    pub settings: Vec<String>,
    /// A program on this machine answers, and asks these, as far as its file tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<Behind>,
    /// The order of sources for hosts (`nsswitch.conf`).
    pub sources: Vec<String>,
}

/// The servers that a resolver on this machine asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Behind {
    /// `systemd-resolved`, `NetworkManager`.
    pub software: String,
    pub servers: Vec<String>,
    pub search: Vec<String>,
}

/// What the environment says of proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proxies {
    pub variables: Vec<ProxyVariable>,
    /// `NO_PROXY`: what goes directly.
    pub exempt: Vec<String>,
    /// `NO_PROXY=*`: everything goes directly.
    pub exempts_all: bool,
}

/// A variable that names a proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProxyVariable {
    pub variable: String,
    /// Without its login; `None` where it cannot be used.
    pub proxy: Option<String>,
    pub has_login: bool,
    /// Why it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Who keeps the clock, and how well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clock {
    /// `None` where the kernel does not tell.
    pub kept: Option<Synchronisation>,
    /// Time services that run here.
    pub services: Vec<String>,
    /// What the kernel reads time from: `tsc`, `kvm-clock`.
    pub source: Option<String>,
    /// Against a server's, as a run saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<super::ClockError>,
}

/// Authorities that certificates are trusted by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Roots {
    pub count: usize,
    /// Files and directories that they are from, or what the environment names.
    pub from: Vec<String>,
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR`, where they decide.
    pub variables: Vec<String>,
    /// What went wrong while they were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What is seen of this machine's own packet filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Firewall {
    /// Parts of the kernel's packet filter that are in use.
    pub modules: Vec<String>,
    /// Tables of iptables; `None` where this user may not see them.
    pub tables: Option<Vec<String>>,
    /// What runs or is enabled to manage it: `firewalld`, `ufw`.
    pub managers: Vec<String>,
}
