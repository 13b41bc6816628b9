//! Round trips over TCP, where nothing answers over UDP: WebSocket pings and handshakes, recorded as a train without
//! loss or direction. Bounded in number and time; knows no figure.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::model::schedule::PONG_TIMEOUT;
use crate::model::{Failure, PortRange, ProbeKind, Step, Transport};
use crate::net::http::Authority;
use crate::net::tcp::{self, CONNECT_TIMEOUT};
use crate::net::tls::HTTP11;
use crate::net::ws::{self, NoPong, WebSocket};
use crate::net::{classify, clock};
use crate::probe::figures::Series;
use crate::probe::layers::Climb;
use crate::probe::measure::MeasureTask;
use crate::probe::{Settings, Task};
use crate::profile::{Spec, WsSpec};
use crate::stats::{Reply, Sent, Train};

/// From one ping to the next.
const PING_GAP: Duration = Duration::from_millis(200);
/// From one handshake to the next.
const CONNECT_GAP: Duration = Duration::from_millis(100);
/// How many handshakes: an interval of their mean takes 20, one of their variation one more, and some may fail.
pub const CONNECTS: u32 = 30;
/// No more pings than this.
const MOST_PINGS: u32 = 600;
/// A handshake that took so long may have had its SYN sent again (the first time-out of RFC 6298 section 2.1), and tells
/// no round trip.
const SYN_AGAIN: Duration = Duration::from_secs(1);

/// Records round trips by their start.
struct Recorder {
    start: Instant,
    train: Train,
}

impl Recorder {
    fn new(start: Instant) -> Self {
        Self { start, train: Train::default() }
    }

    fn sent(&mut self, at: Instant, planned: Duration) -> Option<(u32, i64)> {
        let at = at.saturating_duration_since(self.start);
        let number = u32::try_from(self.train.sent.len()).ok()?;
        let late = nanos(at.saturating_sub(planned));
        self.train.sent.push(Sent { at: nanos(at), late, len: 0 });
        Some((number, nanos(at)))
    }

    fn round_trip(&mut self, (number, at): (u32, i64), took: Duration) {
        let back = at.saturating_add(nanos(took));
        self.train.replies.push(Reply { request: number, number, back, far: None });
    }
}

fn nanos(d: Duration) -> i64 {
    i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)
}

/// Opens a WebSocket and pings it for `length`.
///
/// # Errors
/// The step at which it could not be opened, or `TimedOut`, `Closed`, `Reset` where not one pong came.
pub async fn pings(
    task: &MeasureTask,
    settings: &Settings,
    (port, spec): (u16, &WsSpec),
    length: Duration,
    cancel: &CancellationToken,
) -> Result<Series, Failure> {
    let mut socket = open(task, settings, port, spec, length).await?;
    let start = clock::now();
    let mut record = Recorder::new(start);
    let (mut planned, mut silent, mut broken) = (Duration::ZERO, 0u32, None);
    for _ in 0..MOST_PINGS {
        let at = clock::now();
        let Some(ping) = record.sent(at, planned) else { break };
        match socket.ping(PONG_TIMEOUT).await {
            Ok(rtt) => record.round_trip(ping, rtt),
            Err(NoPong::Silent) => silent += 1,
            Err(NoPong::Ended(end)) => {
                broken = Some(Failure::new(Step::Ping, end.kind(), format!("the WebSocket {}", end.words())));
                break;
            }
        }
        planned = (planned + PING_GAP).max(clock::now().saturating_duration_since(start));
        if planned >= length || cancel.is_cancelled() {
            break;
        }
        tokio::time::sleep_until((start + planned).into()).await;
    }
    let sent = record.train.sent.len();
    if record.train.replies.is_empty() {
        let silence = classify::timed_out(Step::Ping, &format!("no pong to {sent} pings"), PONG_TIMEOUT);
        return Err(broken.unwrap_or(silence));
    }
    let mut caveats = vec!["measured over TCP, which turns loss into delay".to_owned()];
    if let Some(failure) = broken {
        caveats.push(format!("{} after {sent} pings", failure.detail));
    } else {
        socket.close(Duration::from_millis(500)).await;
    }
    if silent > 0 {
        caveats.push(format!("{silent} of {sent} pings had no pong"));
    }
    Ok(Series { train: record.train, caveats })
}

/// Climbs to the WebSocket as its own check does.
///
/// # Errors
/// The step at which it could not be opened.
pub async fn open(
    task: &MeasureTask,
    settings: &Settings,
    port: u16,
    spec: &WsSpec,
    deadline: Duration,
) -> Result<WebSocket, Failure> {
    let way = Task {
        check: task.check.clone(),
        spec: Spec::Ws(spec.clone()),
        host: task.host.clone(),
        address: task.address,
        ports: PortRange::single(port),
        stun: Vec::new(),
        proxy: settings.proxies.to(&task.host, port, false),
        unresolved: None,
        transport: Transport::Tcp,
        deadline: deadline.max(CONNECT_TIMEOUT),
    };
    let mut climb = Climb::new(ProbeKind::Quality, &way);
    let stream = climb.open(spec.tls.then_some((&*settings.tls, HTTP11))).await;
    let lost = || Failure::new(Step::Connect, crate::model::FailureKind::Internal, "no result");
    let stream = stream.ok_or_else(|| climb.obs.failure().cloned().unwrap_or_else(lost))?;
    let to = Authority { host: &task.host, port, tls: spec.tls };
    let upgraded = ws::upgrade(stream, to, &spec.path, spec.subprotocol.as_deref(), climb.remaining()).await;
    upgraded.map(|(socket, _)| socket).map_err(|refused| refused.failure)
}

/// Opens and closes connections, one every 100 ms whatever the ones before are doing.
///
/// # Errors
/// The last failure where not one handshake told a round trip.
pub async fn connects(target: SocketAddr, time: Duration, cancel: &CancellationToken) -> Result<Series, Failure> {
    let start = clock::now();
    let patience = CONNECT_TIMEOUT.min(time.saturating_sub(CONNECT_GAP * CONNECTS));
    let one = |number: u32| async move {
        let planned = CONNECT_GAP * number;
        tokio::time::sleep_until((start + planned).into()).await;
        let at = clock::now();
        let result = tcp::connect(target, patience).await;
        (planned, at, clock::now().saturating_duration_since(at), result.map(drop).map_err(|e| e.failure))
    };
    let all = cancel.run_until_cancelled(join_all((0..CONNECTS).map(one))).await.unwrap_or_default();
    let mut record = Recorder::new(start);
    let (mut failed, mut again, mut last) = (0u32, 0u32, None);
    for (planned, at, took, result) in all {
        let Some(packet) = record.sent(at, planned) else { break };
        match result {
            Ok(()) if took < SYN_AGAIN => record.round_trip(packet, took),
            Ok(()) => again += 1,
            Err(failure) => (failed, last) = (failed + 1, Some(failure)),
        }
    }
    if record.train.replies.is_empty() {
        let none = classify::timed_out(Step::Connect, "no handshake within the time of a first SYN", SYN_AGAIN);
        return Err(last.unwrap_or(none));
    }
    let mut caveats =
        vec!["measured with TCP handshakes: how long the system takes to accept is in the figure".to_owned()];
    if again > 0 {
        caveats.push(format!("{again} of {CONNECTS} handshakes took 1 s or longer, as when a SYN is lost: no round trip is taken from them"));
    }
    if let Some(failure) = last {
        caveats.push(format!("{failed} of {CONNECTS} connections did not come about: {}", failure.detail));
    }
    Ok(Series { train: record.train, caveats })
}
