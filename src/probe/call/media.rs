//! A call's media: sent at their times, their echoes recorded as a train a stream. Begins when the first echo has come, so
//! that what a server drops while it still starts is no loss. Judges nothing.

mod track;

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::dial::Connected;
use super::marks::{self, Planned};
use super::talk::Talk;
use crate::model::{Failure, FailureKind, Step};
use crate::net::classify::seconds;
use crate::net::engine::{Event, Kind};
use crate::net::{clock, ticks};
use crate::probe::Progress;
use crate::session::janus::Happening;
use crate::session::train::Outcome;
use track::Track;

/// How long the first echo is waited for.
const FIRST_ECHO: Duration = Duration::from_secs(3);
/// How long the other stream's first echo is waited for once one has come.
const OTHER_ECHO: Duration = Duration::from_millis(500);
/// Numbers of packets before the train.
const BEFORE: u32 = 1 << 31;
/// After the last packet echoes are waited for so much longer than the longest round trip took, of which so much counts.
const LATE: Duration = Duration::from_millis(500);
const LONGEST_TRIP: Duration = Duration::from_secs(2);
/// A packet that is later than this is left out: this process was not running.
const MISSED: Duration = Duration::from_millis(100);

/// What came of a call's media.
pub struct Played {
    pub audio: Outcome,
    pub video: Outcome,
    /// Bits of RTP a second while packets were sent, both streams together.
    pub sent_kbps: f64,
    pub received_kbps: f64,
    pub notes: Vec<String>,
    /// Why the call ended before its time; no run that ended.
    pub cut: Option<Failure>,
}

/// Why no more media will come.
struct Ended {
    /// `None`: the run ended, not the call.
    kind: Option<FailureKind>,
    why: String,
}

/// Sends and listens for `length`.
///
/// # Errors
/// `NoMedia` where nothing at all comes back, or `Internal`.
pub async fn play(
    talk: &mut Talk,
    call: &mut Connected,
    length: Duration,
    cancel: &CancellationToken,
    progress: &Progress,
) -> Result<Played, Failure> {
    let mut player = Player::new(talk, call, cancel);
    player.first_echo().await?;
    let plan = marks::plan(length);
    let start = clock::now();
    for track in &mut player.tracks {
        track.start = start;
    }
    let sent_for = player.send(&plan, start, progress).await?;
    player.late_echoes().await;
    if player.ended.is_some() {
        player.tracks.iter_mut().for_each(|track| track.forget_under_way(clock::now()));
    }
    Ok(player.played(sent_for, clock::now().saturating_duration_since(start)))
}

struct Player<'a> {
    talk: &'a mut Talk,
    call: &'a mut Connected,
    cancel: &'a CancellationToken,
    tracks: [Track; 2],
    /// Why no more will come.
    ended: Option<Ended>,
    /// Signalling failed while media went on.
    broken: Option<String>,
    slow_links: (u32, u64),
    /// Packets of the plan that had not been sent when the call ended.
    left: usize,
}

/// What the player was woken by.
enum Woken {
    Tick(usize),
    /// There are no more ticks.
    Done,
    Something,
}

impl<'a> Player<'a> {
    fn new(talk: &'a mut Talk, call: &'a mut Connected, cancel: &'a CancellationToken) -> Self {
        let accepted = &call.accepted;
        let tracks =
            [Track::new(Kind::Audio, accepted.audio.is_some()), Track::new(Kind::Video, accepted.video.is_some())];
        Self { talk, call, cancel, tracks, ended: None, broken: None, slow_links: (0, 0), left: 0 }
    }

    fn track(&mut self, kind: Kind) -> &mut Track {
        let [audio, video] = &mut self.tracks;
        match kind {
            Kind::Audio => audio,
            Kind::Video => video,
        }
    }

    /// Waits for the next tick, noting whatever happens meanwhile.
    async fn next(&mut self, ticks: &mut mpsc::Receiver<usize>) -> Woken {
        tokio::select! {
            biased;
            tick = ticks.recv() => return tick.map_or(Woken::Done, Woken::Tick),
            arrival = self.call.arrivals.recv() => match arrival {
                Some(arrival) => self.track(arrival.kind).comes(&arrival),
                None => self.ends(Some(FailureKind::NoMedia), "the media engine ended"),
            },
            event = self.call.events.recv() => match event {
                Some(Event::IceFailed) => self.ends(Some(FailureKind::IceFailed), "the pair of candidates stopped working"),
                Some(Event::DtlsFailed) | None => self.ends(Some(FailureKind::NoMedia), "the connection ended"),
                Some(Event::Candidate(candidate)) => self.talk.candidate(Some(&candidate)),
                Some(Event::Gathered) => self.talk.candidate(None),
                Some(_) => {}
            },
            happening = self.talk.next() => match happening {
                Happening::HungUp(reason) => self.ends(Some(FailureKind::NoMedia), &format!("Janus hung up ({reason})")),
                Happening::Failed(failure) => { self.broken.get_or_insert(failure.detail); }
                Happening::SlowLink { lost, .. } => {
                    self.slow_links = (self.slow_links.0 + 1, self.slow_links.1.saturating_add(lost));
                }
                _ => {}
            },
            () = self.cancel.cancelled() => self.ends(None, "the run ended"),
        }
        Woken::Something
    }

    /// The first reason is the one.
    fn ends(&mut self, kind: Option<FailureKind>, why: &str) {
        self.ended.get_or_insert_with(|| Ended { kind, why: why.to_owned() });
    }

    /// Sends until both streams have come back once.
    async fn first_echo(&mut self) -> Result<(), Failure> {
        let plan = marks::plan(FIRST_ECHO);
        let start = clock::now();
        let mut ticks = begin(start, &plan)?;
        let mut first = None;
        while self.ended.is_none() {
            match self.next(&mut ticks).await {
                Woken::Tick(index) => {
                    if let Some(planned) = plan.get(index) {
                        self.send_before(planned).await;
                    }
                }
                Woken::Done => break,
                Woken::Something => {}
            }
            if self.tracks.iter().all(|track| track.heard || !track.accepted) {
                return Ok(());
            }
            if self.tracks.iter().any(|track| track.heard) {
                let since = *first.get_or_insert_with(clock::now);
                if clock::now().saturating_duration_since(since) >= OTHER_ECHO {
                    return Ok(());
                }
            }
        }
        let sent: u32 = self.tracks.iter().map(|track| track.before).sum();
        let (kind, detail) = match &self.ended {
            Some(Ended { kind, why }) => {
                (kind.unwrap_or(FailureKind::OutOfTime), format!("media might flow, and {why} before any came back"))
            }
            None => {
                let after = seconds(FIRST_ECHO);
                (
                    FailureKind::NoMedia,
                    format!("the call is connected, and none of {sent} packets came back in {after}"),
                )
            }
        };
        if self.tracks.iter().any(|track| track.heard) {
            return Ok(());
        }
        Err(Failure::new(Step::Media, kind, detail))
    }

    async fn send_before(&mut self, planned: &Planned) {
        let track = self.track(planned.kind);
        if !track.accepted || track.heard {
            return;
        }
        let number = BEFORE + track.before;
        track.before += 1;
        let packet = track.packet(planned, number);
        self.call.engine.send(packet).await;
    }

    /// Sends the train; how long it was sent for.
    async fn send(&mut self, plan: &[Planned], start: Instant, progress: &Progress) -> Result<Duration, Failure> {
        let mut ticks = begin(start, plan)?;
        let total = u32::try_from(plan.len()).unwrap_or(u32::MAX);
        self.left = plan.len();
        while self.ended.is_none() {
            match self.next(&mut ticks).await {
                Woken::Tick(index) => {
                    if let Some(planned) = plan.get(index) {
                        self.send_planned(planned, start).await;
                    }
                    self.left = plan.len().saturating_sub(index + 1);
                    if index % 50 == 0 {
                        progress(u32::try_from(index).unwrap_or(total), total);
                    }
                }
                Woken::Done => break,
                Woken::Something => {}
            }
        }
        Ok(clock::now().saturating_duration_since(start))
    }

    async fn send_planned(&mut self, planned: &Planned, start: Instant) {
        let late = clock::now().saturating_duration_since(start + planned.due);
        let track = self.track(planned.kind);
        if !track.accepted {
            return;
        }
        if late > MISSED {
            track.gaps.skipped = track.gaps.skipped.saturating_add(1);
            track.gaps.count = 1;
            track.gaps.longest = track.gaps.longest.max(late);
            return;
        }
        let number = u32::try_from(track.train.sent.len()).unwrap_or(BEFORE);
        let packet = track.packet(planned, number);
        track.leaves(planned, clock::now());
        if !self.call.engine.send(packet).await {
            self.track(planned.kind).stays(planned);
        }
    }

    /// Waits for echoes that are still under way.
    async fn late_echoes(&mut self) {
        let longest = self.tracks.iter().map(|track| track.longest).max().unwrap_or_default();
        let until = clock::now() + longest.min(LONGEST_TRIP) + LATE;
        // Only the end of the wait ticks.
        let Ok(mut ticks) = ticks::at(clock::now(), vec![until.saturating_duration_since(clock::now())]) else {
            return;
        };
        while self.ended.is_none() && !self.tracks.iter().all(Track::whole) {
            if !matches!(self.next(&mut ticks).await, Woken::Something) {
                return;
            }
        }
    }

    fn played(self, sent_for: Duration, took: Duration) -> Played {
        let kbps = |bytes: u64| bytes as f64 * 0.008 / sent_for.as_secs_f64().max(0.001);
        let sum = |which: fn(&(u64, u64)) -> u64| self.tracks.iter().map(|track| which(&track.bytes)).sum();
        let (sent_kbps, received_kbps) = (kbps(sum(|b| b.0)), kbps(sum(|b| b.1)));
        let mut notes = Vec::new();
        notes.extend(self.ended.as_ref().map(|ended| format!("{} after {}", ended.why, seconds(sent_for))));
        let stayed: u32 = self.tracks.iter().map(|track| track.stayed).sum();
        if stayed > 0 {
            notes.push(format!("{stayed} packets could not be sent and are not counted as lost"));
        }
        let under_way: u32 = self.tracks.iter().map(|track| track.under_way).sum();
        if under_way > 0 {
            notes.push(format!("{under_way} packets were under way at the end and are not counted as lost"));
        }
        notes.extend(self.broken.as_ref().map(|why| format!("signalling broke during the call: {why}")));
        for track in self.tracks.iter().filter(|track| track.accepted && !track.heard) {
            let name = if track.kind == Kind::Audio { "audio" } else { "video" };
            notes.push(format!("Janus took {name}, and none of it came back"));
        }
        if let (times @ 1.., lost) = self.slow_links {
            notes.push(format!("Janus said {times} times that packets are lost, {lost} of them"));
        }
        let stopped = self.ended.is_some();
        let cut = self.cut(sent_for);
        let [audio, video] = self.tracks;
        Played {
            audio: audio.outcome(stopped, sent_for, took),
            video: video.outcome(stopped, sent_for, took),
            sent_kbps,
            received_kbps,
            notes,
            cut,
        }
    }

    /// The call ended by itself before every packet was sent, or its way broke before every echo was there.
    fn cut(&self, sent_for: Duration) -> Option<Failure> {
        let Ended { kind, why } = self.ended.as_ref()?;
        let kind = kind.filter(|kind| self.left > 0 || *kind == FailureKind::IceFailed)?;
        let left = match self.left {
            0 => String::new(),
            left => format!(" with {left} packets still to send"),
        };
        let detail = format!("media flowed, and {why} after {}{left}", seconds(sent_for));
        Some(Failure::new(Step::Media, kind, detail))
    }
}

fn begin(start: Instant, plan: &[Planned]) -> Result<mpsc::Receiver<usize>, Failure> {
    ticks::at(start, plan.iter().map(|planned| planned.due).collect())
        .map_err(|e| Failure::new(Step::Media, FailureKind::Internal, format!("no thread could be started: {e}")))
}
