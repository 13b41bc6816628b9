//! Our train as a plain STAMP sender against a reflector from elsewhere: `stamp-suite` of the Rust crate registry, with
//! and without state, authentication and PTP's time stamps. Not installed, it is a failure in CI and a line elsewhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::print_stderr, reason = "what was not run is said")]

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rtc_check::model::{Load, Media, Step};
use rtc_check::net::paced::Paced;
use rtc_check::session::train::{Decision, Ending, Looks, Misbehaviour, Outcome, Plan, Stamp, Train, Via};
use rtc_check::stats;
use rtc_check::wire::stamp::{self, ErrorEstimate, Request, Timestamp};

const KEY: [u8; 32] = [0x5a; 32];

/// The reflector, until it is dropped.
struct Reflector {
    child: Child,
    at: SocketAddr,
}

impl Drop for Reflector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Reflector {
    /// Starts it on a free port and waits until it answers. `None`: it is not installed.
    fn start(host: &str, key: Option<&[u8]>, options: &[&str]) -> Option<Self> {
        let at = UdpSocket::bind((host, 0)).unwrap().local_addr().unwrap();
        let mut command = Command::new("stamp-suite");
        command.args(["--is-reflector", "--local-addr", host, "--local-port", &at.port().to_string()]).args(options);
        if let Some(key) = key {
            command.args(["--auth-mode", "A", "--verify-tlv-hmac"]);
            command.env("STAMP_HMAC_KEY", key.iter().map(|b| format!("{b:02x}")).collect::<String>());
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(child) = child else {
            assert!(!in_ci(), "stamp-suite is not installed");
            eprintln!("NOT RUN: stamp-suite is not installed (cargo install stamp-suite)");
            return None;
        };
        let reflector = Self { child, at };
        reflector.answers(key);
        Some(reflector)
    }

    fn answers(&self, key: Option<&[u8]>) {
        let socket = UdpSocket::bind((self.at.ip(), 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let (mut buf, mut answer) = ([0; 256], [0; 256]);
        let request =
            Request { seq: 0, sent: Timestamp::ntp(Duration::ZERO), error: ErrorEstimate::UNSYNCHRONISED, ssid: 0 };
        let len = stamp::write_request(&mut buf, &request, None, None, key, 0).unwrap();
        let answered = (0..100).any(|_| {
            let _ = socket.send_to(&buf[..len], self.at);
            socket.recv_from(&mut answer).is_ok()
        });
        assert!(answered, "stamp-suite does not answer on {}", self.at);
    }

    /// A train of a second.
    async fn train(&self, key: Option<&[u8]>) -> Outcome {
        let target = self.at;
        let key = key.map(<[u8]>::to_vec);
        let paced = Paced {
            target: target.ip(),
            dscp: 46,
            deadline: Duration::from_secs(20),
            cancel: tokio_util::sync::CancellationToken::new(),
            step: Step::Request,
        };
        let second = Duration::from_secs(1);
        let load = Load { media: Media::Audio, up_kbps: 40.0, down_kbps: 40.0, sessions: 1, down_streams: 1 };
        let looks = Looks {
            next: Box::new(move |after| (after < second).then_some((second, 1.96))),
            decide: Box::new(|_| Decision::Undecided),
        };
        let via = Via::Stamp(Stamp { ssid: 0, token: 0, key, report: false });
        let plan = Plan { target, load, via, dscp: 46, looks };
        let driven = paced.run(move |s| Train::new(plan, s.at, s.wall), |_, _| {}).await.unwrap();
        driven.session.finish(driven.ended)
    }
}

#[expect(clippy::disallowed_methods, reason = "what cannot run is a failure in CI, and only there")]
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|v| v == "true")
}

/// All came back, with times of both ways, and nothing was wrong.
fn whole(outcome: &Outcome) {
    assert_eq!(outcome.ending, Ending::Full);
    assert_eq!(outcome.misbehaviour, Misbehaviour::default());
    assert_eq!((outcome.responder, outcome.shorter), (false, 0));
    let summary = stats::summarise(&outcome.record, outcome.z);
    assert!(summary.sent >= 30 && summary.received == summary.sent, "{summary:?}");
    assert!(summary.rtt_mean.unwrap().value < 50.0 && summary.far_clock_jumps == 0, "{summary:?}");
    assert!(summary.jitter_up.is_some() && summary.jitter_down.is_some(), "{summary:?}");
    assert_eq!(
        (outcome.marking.there.map(|m| m.last), outcome.marking.ttl_there.map(|m| m.last)),
        (Some(46), Some(64))
    );
}

#[tokio::test]
async fn a_reflector_without_a_key_is_understood_in_both_families() {
    for host in ["127.0.0.1", "::1"] {
        let Some(reflector) = Reflector::start(host, None, &[]) else { return };
        let outcome = reflector.train(None).await;
        whole(&outcome);
        assert!(!outcome.record.stateful && outcome.record.far.is_none());
    }
}

#[tokio::test]
async fn a_stateful_reflector_with_ptp_time_stamps_is_understood() {
    let Some(reflector) = Reflector::start("127.0.0.1", None, &["--stateful-reflector", "--clock-source", "PTP"])
    else {
        return;
    };
    whole(&reflector.train(None).await);
}

#[tokio::test]
async fn an_authenticated_reflector_is_understood_and_another_key_is_not() {
    let Some(reflector) = Reflector::start("127.0.0.1", Some(&KEY), &[]) else { return };
    whole(&reflector.train(Some(&KEY)).await);
    let outcome = reflector.train(Some(b"quite another key, 32 bytes long")).await;
    assert_eq!((outcome.ending, outcome.record.replies.len()), (Ending::Silent, 0));
}
