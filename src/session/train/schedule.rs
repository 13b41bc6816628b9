//! When each packet of a train is due, and how long it is. A sender that woke late sends what it missed by a little and
//! leaves out what it missed by more: a burst would disturb what is measured.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::model::Load;
use crate::model::shape::{FRAME_GAP, Figures, RTP_HEADER, Stream, UDP_HEADER, figures, streams};

/// Sessions beyond this are not told apart: each would have a track of its own.
const MOST_SESSIONS: u32 = 10_000;

/// A stream of test packets of one session.
#[derive(Clone, Copy, Debug)]
struct Track {
    period: u64,
    burst: u32,
    gap: u64,
    len: u16,
    /// Of the next packet: when its burst began, and how many of the burst went before it.
    tick: u64,
    step: u32,
}

/// A packet that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Nanoseconds since the start.
    pub due: u64,
    /// Bytes of UDP payload.
    pub len: u16,
}

/// Packets that were left out before the one that is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Skipped {
    pub packets: u32,
    /// From the first of them until now.
    pub length: Duration,
}

/// The packets of a train in the order in which they are due.
pub(super) struct Schedule {
    tracks: Vec<Track>,
    queue: BinaryHeap<Reverse<(u64, u32)>>,
    /// Slots that are so old are left out.
    patience: u64,
    offered: Figures,
}

impl Schedule {
    /// For the upstream of `load`, in test packets of at least `least` bytes: where that is more than the media has, fewer
    /// packets make the same rate at the IP level.
    pub fn new(load: &Load, least: usize, v6: bool) -> Self {
        let media = streams(load.media, load.up_kbps);
        Self::of(&media, load.sessions.clamp(1, MOST_SESSIONS), least, v6)
    }

    /// For packets of `len` bytes at audio's rhythm, whatever the load.
    pub fn fixed(len: usize) -> Self {
        let payload = u32::try_from(len).unwrap_or(u32::MAX).saturating_sub(RTP_HEADER);
        let audio = Stream { period: Duration::from_millis(20), burst: 1, payload };
        Self::of(&[audio], 1, 0, false)
    }

    fn of(media: &[Stream], sessions: u32, least: usize, v6: bool) -> Self {
        let least = u32::try_from(least).unwrap_or(u32::MAX);
        let mut tracks = Vec::new();
        for (index, stream) in media.iter().enumerate() {
            let track = track(stream, least, if v6 { 40 } else { 20 });
            // So that a session's audio and video do not begin in one moment.
            let aside = track.period / 4 * index as u64;
            for session in 0..u64::from(sessions) {
                tracks.push(Track { tick: aside + track.period * session / u64::from(sessions), ..track });
            }
        }
        let mut offered = Figures { codec_kbps: figures(media, sessions).codec_kbps, ..Figures::default() };
        tracks.iter().for_each(|track| add(&mut offered, track));
        let mean = (1e9 / offered.packets_per_second.max(1e-3)) as u64;
        let shortest = tracks.iter().map(|t| t.period).min().unwrap_or(20_000_000);
        let patience = (3 * mean).max(5_000_000).min(shortest);
        let queue = tracks.iter().enumerate().map(|(i, t)| Reverse((t.tick, i as u32))).collect();
        Self { tracks, queue, patience, offered }
    }

    /// What is offered, in test packets.
    pub fn offered(&self) -> Figures {
        self.offered
    }

    /// When the next packet is due.
    pub fn next_due(&self) -> u64 {
        self.queue.peek().map_or(u64::MAX, |Reverse((due, _))| *due)
    }

    /// Leaves out what is due for too long at `now`, and tells what that was.
    pub fn leave_out(&mut self, now: u64) -> Skipped {
        let mut skipped = Skipped::default();
        while self.next_due().saturating_add(self.patience) <= now {
            let Some(slot) = self.pop() else { break };
            skipped.packets = skipped.packets.saturating_add(1);
            skipped.length = skipped.length.max(Duration::from_nanos(now.saturating_sub(slot.due)));
        }
        skipped
    }

    /// Takes the packet that is due at `now`, if there is one.
    pub fn take(&mut self, now: u64) -> Option<Slot> {
        (self.next_due() <= now).then(|| self.pop()).flatten()
    }

    /// Leaves out all that was due before `now`: nothing was to be sent then.
    pub fn resume(&mut self, now: u64) {
        while self.next_due() < now {
            self.pop();
        }
    }

    fn pop(&mut self) -> Option<Slot> {
        let mut top = self.queue.peek_mut()?;
        let Reverse((due, index)) = *top;
        let track = self.tracks.get_mut(index as usize)?;
        let slot = Slot { due, len: track.len };
        track.step += 1;
        if track.step >= track.burst {
            (track.tick, track.step) = (track.tick + track.period, 0);
        }
        *top = Reverse((track.tick + track.gap * u64::from(track.step), index));
        Some(slot)
    }
}

/// One stream in test packets of at least `least` bytes.
fn track(stream: &Stream, least: u32, ip_header: u32) -> Track {
    let media = stream.payload + RTP_HEADER;
    let len = test_len(media, least);
    let headers = UDP_HEADER + ip_header;
    let period = stream.period.as_nanos() * u128::from(len + headers) / u128::from(media + headers);
    let period = u64::try_from(period).unwrap_or(u64::MAX / 4).max(1);
    let burst = stream.burst.max(1);
    let gap = (FRAME_GAP.as_nanos() as u64).min(period / u64::from(burst));
    Track { period, burst, gap, len: u16::try_from(len).unwrap_or(u16::MAX), tick: 0, step: 0 }
}

/// The length of a test packet that stands for one of `media` bytes: padding takes four bytes or none.
fn test_len(media: u32, least: u32) -> u32 {
    match media.checked_sub(least) {
        None | Some(0) => least,
        Some(more) => least + more.max(4),
    }
}

fn add(sum: &mut Figures, track: &Track) {
    let packets = f64::from(track.burst) * 1e9 / track.period as f64;
    let kbps = |bytes: u32| packets * f64::from(bytes) * 0.008;
    let len = u32::from(track.len);
    sum.packets_per_second += packets;
    sum.udp_kbps += kbps(len);
    sum.ip_kbps_v4 += kbps(len + UDP_HEADER + 20);
    sum.ip_kbps_v6 += kbps(len + UDP_HEADER + 40);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Media;

    const MS: u64 = 1_000_000;

    fn load(media: Media, kbps: f64, sessions: u32) -> Load {
        Load { media, up_kbps: kbps, down_kbps: kbps, sessions, down_streams: 1 }
    }

    /// Slots of the first second of a sender that is never late.
    fn second(schedule: &mut Schedule) -> Vec<Slot> {
        let mut slots = Vec::new();
        while schedule.next_due() < 1000 * MS {
            assert_eq!(schedule.leave_out(schedule.next_due()), Skipped::default());
            slots.push(schedule.take(schedule.next_due()).unwrap());
        }
        slots
    }

    #[test]
    fn audio_is_isochronous_and_sessions_stand_evenly_in_its_period() {
        let slots = second(&mut Schedule::new(&load(Media::Audio, 40.0, 1), 108, false));
        assert_eq!(slots.len(), 50);
        assert!(slots.iter().zip(0..).all(|(s, n)| *s == Slot { due: n * 20 * MS, len: 114 }), "{slots:?}");
        let slots = second(&mut Schedule::new(&load(Media::Audio, 40.0, 10), 108, true));
        assert!(slots.iter().zip(0..).all(|(s, n)| s.due == n * 2 * MS), "{slots:?}");
    }

    #[test]
    fn larger_test_packets_make_the_same_rate_at_the_ip_level() {
        for v6 in [false, true] {
            let schedule = Schedule::new(&load(Media::Audio, 40.0, 3), 196, v6);
            let media = load(Media::Audio, 40.0, 3).figures_up();
            let offered = schedule.offered();
            assert!((offered.ip_kbps(v6) - media.ip_kbps(v6)).abs() < 0.001, "{offered:?} {media:?}");
            assert_eq!(offered.codec_kbps, media.codec_kbps);
            assert!(offered.packets_per_second < 0.8 * media.packets_per_second);
        }
    }

    #[test]
    fn frames_are_bursts_spaced_by_a_fifth_of_a_millisecond() {
        let mut schedule = Schedule::new(&load(Media::AudioVideo, 1400.0, 1), 108, false);
        let slots = second(&mut schedule);
        let video: Vec<Slot> = slots.into_iter().filter(|s| s.len > 500).collect();
        assert_eq!(video.len(), 150);
        assert!(video.chunks(5).all(|burst| burst.windows(2).all(|w| w[1].due - w[0].due == 200_000)));
        assert!(video.iter().all(|s| s.len <= 1212));
    }

    #[test]
    fn what_was_missed_by_more_than_a_period_is_left_out() {
        let mut schedule = Schedule::new(&load(Media::Audio, 40.0, 1), 108, false);
        assert!(schedule.take(0).is_some());
        assert_eq!(schedule.take(19 * MS), None);
        assert_eq!(schedule.leave_out(35 * MS), Skipped::default());
        assert_eq!(schedule.take(35 * MS).unwrap().due, 20 * MS, "late, and sent");
        let skipped = schedule.leave_out(5_005 * MS);
        assert_eq!((skipped.packets, skipped.length), (248, Duration::from_millis(4965)));
        assert_eq!(schedule.take(5_005 * MS).unwrap().due, 5_000 * MS);
        assert_eq!(schedule.take(5_006 * MS), None, "no burst");
        schedule.resume(7_001 * MS);
        assert_eq!(schedule.next_due(), 7_020 * MS);
    }

    #[test]
    fn padding_takes_four_bytes_or_none() {
        assert_eq!([60, 108, 109, 111, 112, 113].map(|media| test_len(media, 108)), [108, 108, 112, 112, 112, 113]);
    }
}
