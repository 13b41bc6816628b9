//! The tools that are compared: how each is started, and what its output says against the truth.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use crate::emulator::log::Packet;
use crate::harness::{Run, Started};
use crate::namespaces::{Daemon, EMULATED4, Lab, Listens, Place};
use crate::peers;

/// What a tool said minus what was so, by figure; or what a tool needed, for figures that have no truth.
pub type Errors = BTreeMap<&'static str, f64>;

/// Ports of the profile's media range.
pub const MEDIA: (u16, u16) = (5000, 5003);
const PROFILE: &str = include_str!("train.toml");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    RtcCheck,
    Ping,
    Irtt,
    Iperf3,
    Iperf3Reverse,
}

/// A process and what it has used.
pub struct Finished {
    pub run: Run,
    /// CPU time, user and system.
    pub cpu: Duration,
}

impl Tool {
    pub const ALL: [Self; 5] = [Self::RtcCheck, Self::Ping, Self::Irtt, Self::Iperf3, Self::Iperf3Reverse];

    pub fn name(self) -> &'static str {
        match self {
            Self::RtcCheck => "rtc-check",
            Self::Ping => "ping",
            Self::Irtt => "irtt",
            Self::Iperf3 => "iperf3",
            Self::Iperf3Reverse => "iperf3 -R",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::RtcCheck => env!("CARGO_BIN_EXE_rtc-check"),
            Self::Ping => "ping",
            Self::Irtt => "irtt",
            Self::Iperf3 | Self::Iperf3Reverse => "iperf3",
        }
    }

    /// Says so where it is not.
    pub fn is_installed(self) -> bool {
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let found = std::env::split_paths(&path).any(|dir| dir.join(self.program()).is_file());
        if !found {
            eprintln!("left out: {} is not installed", self.program());
        }
        found
    }

    /// What must run at the far end.
    pub fn servers(self, lab: &Lab) -> Vec<Daemon> {
        let mut command = lab.command(Place::Server, self.program());
        let (name, wanted) = match self {
            Self::Ping => return vec![],
            Self::RtcCheck => {
                let profile = lab.dir().join("train.toml");
                fs::write(&profile, PROFILE).unwrap();
                command.args(["serve", "--role", "media", "--bind", EMULATED4, "--profile"]).arg(profile);
                command.arg("--cert").arg(&lab.pki.chain).arg("--key").arg(&lab.pki.key);
                ("responder", Listens::Udp(EMULATED4, MEDIA.1))
            }
            Self::Irtt => {
                command.args(["server", "-b", "203.0.113.2:2112"]);
                ("irtt", Listens::Udp(EMULATED4, peers::IRTT))
            }
            Self::Iperf3 => {
                command.args(["-s", "-p", "5201"]);
                ("iperf3", Listens::Tcp(EMULATED4, 5201))
            }
            Self::Iperf3Reverse => {
                command.args(["-s", "-p", "5202"]);
                ("iperf3-reverse", Listens::Tcp(EMULATED4, 5202))
            }
        };
        vec![lab.start(command, name, &[wanted])]
    }

    /// Fifty packets a second for so long; 0 seconds: until it has decided.
    pub fn start(self, lab: &Lab, seconds: u32) -> Started {
        let mut command = lab.command(Place::Client, self.program());
        let count = (seconds * 50).to_string();
        let seconds = seconds.to_string();
        match self {
            Self::RtcCheck => {
                command.arg("--profile").arg(lab.dir().join("train.toml")).args(["--target", "media=203.0.113.2"]);
                command.args(["--only", "quality", "--format", "json", "--quiet", "--ca"]).arg(&lab.pki.root);
                if seconds != "0" {
                    command.args(["--duration", &seconds]);
                }
            }
            Self::Ping => {
                command.args(["-n", "-c", &count, "-i", "0.02", EMULATED4]);
            }
            Self::Irtt => {
                let duration = format!("{seconds}s");
                command.args(["client", "-i", "20ms", "-d", &duration, "-l", "172", "-Q", "-o", "-", EMULATED4]);
            }
            Self::Iperf3 | Self::Iperf3Reverse => {
                command.args(["-c", EMULATED4, "-u", "-l", "200", "-b", "80k", "-t", &seconds, "--json"]);
                let reverse = ["-p", "5202", "-R"];
                command.args(if self == Self::Iperf3 { &["-p", "5201"][..] } else { &reverse });
            }
        }
        Started::new(command)
    }

    /// What its output says, held against `log`.
    pub fn errors(self, finished: &Finished, log: &[Packet]) -> Errors {
        match self {
            Self::RtcCheck => peers::rtc_check(finished, log),
            Self::Ping => peers::ping(&finished.run, log),
            Self::Irtt => peers::irtt(&finished.run, log),
            Self::Iperf3 => peers::iperf3(&finished.run, log, true),
            Self::Iperf3Reverse => peers::iperf3(&finished.run, log, false),
        }
    }
}

/// Waits for the end. Children are waited for one at a time, so what they have used together grew by this one's share.
pub fn finish(started: Started) -> Finished {
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        let time = |t: nix::sys::time::TimeVal| Duration::from_micros(t.num_microseconds() as u64);
        use nix::sys::time::TimeValLike;
        time(usage.user_time()) + time(usage.system_time())
    };
    let before = used();
    let run = started.finish();
    Finished { run, cpu: used() - before }
}
