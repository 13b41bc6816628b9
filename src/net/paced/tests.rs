use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::*;
use crate::model::{Load, Media};
use crate::session::Meaning;
use crate::session::train::{Decision, Ending, Looks, Outcome, Plan, Stamp, Train, Via};
use crate::stats;
use crate::wire::stamp::{self, ClassOfService, ErrorEstimate, Reply, Report, Timestamp};

/// A reflector with the kernel's times and the numbers of a responder, until it is dropped.
struct Mirror {
    at: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Mirror {
    fn at(address: &str) -> Option<Self> {
        let socket = UdpSocket::bind((address.parse::<IpAddr>().unwrap(), 0)).ok()?;
        let at = socket.local_addr().unwrap();
        arrivals::ask_for(&socket, at.is_ipv4()).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        let thread = Some(std::thread::spawn(move || reflect(&socket, &seen)));
        Some(Self { at, over, thread })
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

fn reflect(socket: &UdpSocket, over: &AtomicBool) {
    let mut arrivals = Arrivals::new(clock::now());
    let (start, wall) = (clock::now(), clock::wall());
    let (mut buf, mut state) = ([0; LONGEST], Report { token: 5, ..Report::default() });
    let time = |at: Instant| Timestamp::ntp(wall + at.saturating_duration_since(start));
    while !over.load(Ordering::Relaxed) {
        let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        let _ = ppoll(&mut fds, Some(TimeSpec::from(NAP)), None);
        arrivals.take(socket, &mut buf, |at, from, bytes, how| {
            let (request, _) = stamp::read_request(bytes, None).unwrap();
            let shift = request.seq - state.highest;
            state.window = state.window.checked_shl(shift).unwrap_or(0) | 1;
            (state.highest, state.unique) = (request.seq, state.unique + 1);
            let reply = Reply {
                seq: state.unique - 1,
                sent: time(clock::now()),
                error: ErrorEstimate::UNSYNCHRONISED,
                ssid: request.ssid,
                received: time(at),
                request_seq: request.seq,
                request_sent: request.sent,
                request_error: request.error,
                ttl: how.ttl.unwrap_or(255),
            };
            let cos = ClassOfService { received_dscp: how.tos.unwrap_or(0) >> 2, ..ClassOfService::default() };
            let mut out = [0; LONGEST];
            let len = stamp::write_reply(&mut out, &reply, bytes, Some(cos), Some(&state), None).unwrap();
            socket.send_to(&out[..len], from).unwrap();
        });
    }
}

fn paced(target: SocketAddr, deadline: Duration) -> Paced {
    Paced { target: target.ip(), dscp: 46, deadline, cancel: CancellationToken::new(), step: Step::Request }
}

fn train(target: SocketAddr, load: Load, length: Duration) -> impl FnOnce(Start) -> Train + Send {
    move |start| {
        let looks = Looks {
            next: Box::new(move |after| (after < length).then_some((length, 1.96))),
            decide: Box::new(|_| Decision::Undecided),
        };
        let via = Via::Stamp(Stamp { ssid: 3, token: 5, key: None, report: true });
        Train::new(Plan { target, load, via, dscp: 46, looks }, start.at, start.wall)
    }
}

fn audio() -> Load {
    Load { media: Media::Audio, up_kbps: 40.0, down_kbps: 40.0, sessions: 1, down_streams: 1 }
}

async fn run(target: SocketAddr, load: Load, length: Duration, deadline: Duration) -> (Outcome, Stop) {
    let driven = paced(target, deadline).run(train(target, load, length), |_, _| {}).await.unwrap();
    (driven.session.finish(driven.ended), driven.stop)
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_train_over_loopback_comes_back_whole_in_both_families() {
    for address in ["127.0.0.1", "::1"] {
        let Some(mirror) = Mirror::at(address) else { continue };
        let (outcome, stop) = run(mirror.at, audio(), SECOND / 5, SECOND * 10).await;
        assert_eq!((stop, outcome.ending), (Stop::Finished, Ending::Full));
        assert!(outcome.responder && outcome.misbehaviour.total() == 0, "{outcome:?}");
        let summary = stats::summarise(&outcome.record, outcome.z);
        assert_eq!((summary.sent, summary.received), (summary.received, summary.sent));
        assert!(outcome.record.replies.iter().all(|r| r.far.is_some()));
        let last = |mark: Option<crate::session::train::Mark>| mark.map(|m| m.last);
        assert_eq!((last(outcome.marking.there), last(outcome.marking.ttl_there)), (Some(46), Some(64)));
        assert_eq!(last(outcome.marking.ttl_back), Some(64));
        assert!(summary.rtt.unwrap().p50 < 20.0, "{summary:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_evidence_and_no_error() {
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (outcome, stop) = run(closed, audio(), SECOND, SECOND / 4).await;
    assert_eq!((stop, outcome.ending), (Stop::Deadline, Ending::Stopped));
    assert_eq!(outcome.icmp.unwrap().0.meaning(), Meaning::Refused);
    assert!(outcome.record.sent.len() > 1 && outcome.not_sent.is_none(), "{outcome:?}");
}

#[tokio::test]
async fn cancelling_ends_a_train_at_once() {
    let mirror = Mirror::at("127.0.0.1").unwrap();
    let paced = paced(mirror.at, SECOND * 60);
    paced.cancel.cancel();
    let driven = paced.run(train(mirror.at, audio(), SECOND * 30), |_, _| {}).await.unwrap();
    assert_eq!(driven.stop, Stop::Cancelled);
    assert_eq!(driven.session.finish(driven.ended).ending, Ending::Stopped);
}
