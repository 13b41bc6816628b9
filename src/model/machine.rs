//! What a machine can be asked about itself, and what it says. Plain values: how they are read and what they are worth
//! is known elsewhere.

use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::host::Host;
use super::ports::{PortRange, PortSet};
use super::rule::{RuleId, Service, Transport};

/// One thing to ask of the machine that the program runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Distribution,
    Architecture,
    Cores,
    Memory,
    /// The room where this directory lies.
    Disk(PathBuf),
    Clock,
    Ports(PortsOf),
    WayOut(Destination),
}

/// Ports that rules lead to, on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortsOf {
    pub transport: Transport,
    pub ports: PortRange,
    /// All rules with these ports, and what each expects behind them.
    pub rules: Vec<(RuleId, Service)>,
}

/// Where packets are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Anywhere on the Internet, in one family.
    Anywhere {
        v6: bool,
    },
    Host(Host),
}

/// What the distribution says that it is (os-release(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// `debian`, in lower case.
    pub id: String,
    /// `12`, `24.04`; absent in a testing or unstable Debian, among others.
    pub version: Option<String>,
    /// `24.04.1 LTS (Noble Numbat)`.
    pub version_words: Option<String>,
    /// `Debian GNU/Linux 12 (bookworm)`.
    pub name: String,
    /// What it is made of: `debian`.
    pub based_on: Vec<String>,
}

/// Processors, as the program may use them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Processors {
    /// As the kernel counts them: every hardware thread is one.
    pub logical: u32,
    /// Cores without their further threads; `None` where the kernel does not tell.
    pub physical: Option<u32>,
    /// What a container's quota leaves of them, in processors.
    pub quota: Option<f64>,
    /// It is a guest of a hypervisor: the processors are what that makes of its own.
    pub is_guest: bool,
}

impl Processors {
    /// Whole processors that can be used at once.
    pub fn usable(&self) -> u32 {
        let quota = self.quota.filter(|q| *q < f64::from(self.logical));
        // What is left of a processor is none; less than one is still the one there is.
        quota.map_or(self.logical, |q| (q.floor() as u32).max(1))
    }
}

/// Memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What the kernel has to give: what is built in, less what firmware and kernel keep for themselves.
    pub total_bytes: u64,
    /// What programs could still get now.
    pub available_bytes: Option<u64>,
    pub swap_bytes: Option<u64>,
    /// The most that a container may use.
    pub limit_bytes: Option<u64>,
}

impl Memory {
    /// What programs can have at most.
    pub fn usable_bytes(&self) -> u64 {
        self.limit_bytes.map_or(self.total_bytes, |limit| limit.min(self.total_bytes))
    }
}

/// Room of a file system, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The directory that was asked about, or the nearest above it that exists.
    pub path: String,
    pub total_bytes: u64,
    /// What a program without privileges may still write.
    pub free_bytes: u64,
}

/// What the kernel says of its clock (adjtimex(2)).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Synchronisation {
    /// A time service told the kernel that it keeps the clock.
    pub is_synchronised: bool,
    /// How far off the clock can be, by the kernel's reckoning: it grows while nobody corrects it.
    pub max_error_ms: f64,
    /// How far off the time service takes it to be.
    pub estimated_error_ms: f64,
}

/// Who holds ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process's name as the kernel has it, never its command line; `None` where this user may not see it.
    pub process: Option<String>,
    pub pid: Option<u32>,
    /// Whose the sockets are.
    pub uid: u32,
    /// It is the kernel's own, or of no process any more.
    pub is_kernel: bool,
    /// Unspecified for every address of the machine.
    pub addresses: Vec<IpAddr>,
    pub ports: PortSet,
    /// It takes what anybody sends: a TCP listener, or a UDP socket that is connected to nobody.
    pub is_open: bool,
}

/// What carries the packets of an interface, as far as the machine can see. The later ones are the weaker ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// The machine itself.
    Loopback,
    /// A card with a cable.
    Wired,
    /// The card of a virtual machine, or a link of a container: what lies behind it is not seen from inside.
    Virtual,
    /// The kernel does not tell: PPP is a line, a modem or a tunnel.
    Unknown,
    /// A VPN or another tunnel: what carries it is another interface.
    Tunnel,
    Wifi,
    /// A modem, or a telephone that shares its connection.
    Mobile,
}

/// An interface, and what it is at the bottom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub interface: String,
    pub kind: LinkKind,
    /// The interfaces below it that say so, the nearest first; empty where it is one itself.
    pub through: Vec<String>,
    /// The driver of the one at the bottom.
    pub driver: Option<String>,
}
