//! A paced sender: up to two series of packets, each isochronous, and never more than a little caught up after a pause.

use crate::wire::flow::{Series, Shape};

use super::MS;
use super::shape::sendable;

/// So much is made up for after this machine was late; what is older is never sent, and never counted.
const CATCH_UP: u64 = 4 * MS;

/// Between the packets of a burst, where there is room for it.
const BURST_GAP: u64 = MS / 5;

/// Tells which packet is due.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    lanes: [Lane; 2],
    until: u64,
    /// Packets of data sent so far, which is the next one's sequence number, and their UDP payload.
    pub sent: u32,
    pub bytes: u64,
    /// Packets that came due so late that they were left out.
    pub skipped: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    series: Series,
    /// When the burst begins, and how many of it are sent.
    at: u64,
    done: u16,
}

impl Lane {
    fn of(series: Series, now: u64) -> Self {
        Self { series: sendable(series), at: now, done: 0 }
    }

    fn is_on(&self) -> bool {
        self.series.interval_ns > 0 && self.series.burst > 0
    }

    fn due(&self) -> u64 {
        let gap = BURST_GAP.min(u64::from(self.series.interval_ns) / u64::from(self.series.burst.max(1)));
        self.at + gap * u64::from(self.done)
    }

    /// Passes over the packet that was due.
    fn advance(&mut self) {
        self.done += 1;
        if self.done >= self.series.burst {
            self.done = 0;
            self.at += u64::from(self.series.interval_ns);
        }
    }
}

impl Sender {
    /// From `now` to `until` sends `shape`. A series whose interval alone changes goes on where it was, so that a change
    /// of rate neither bursts nor pauses.
    pub fn set(&mut self, shape: &Shape, now: u64, until: u64) {
        self.until = until;
        for (lane, series) in self.lanes.iter_mut().zip(shape) {
            let next = Lane::of(*series, now);
            let goes_on = lane.is_on() && next.is_on() && lane.at + u64::from(lane.series.interval_ns) > now;
            let same = (lane.series.len, lane.series.burst) == (next.series.len, next.series.burst);
            *lane = match goes_on && same {
                true => Lane { at: lane.at.min(now + u64::from(series.interval_ns)), done: lane.done, ..next },
                false => next,
            };
        }
    }

    /// Sends nothing more.
    pub fn stop(&mut self) {
        self.lanes = Default::default();
    }

    /// The length of the packet that is due at `now`, and nothing more.
    pub fn due(&mut self, now: u64) -> Option<u16> {
        self.lane_due(now).map(|lane| lane.series.len)
    }

    fn lane_due(&mut self, now: u64) -> Option<&mut Lane> {
        if now >= self.until {
            self.stop();
        }
        self.lanes.iter_mut().filter(|l| l.is_on() && l.due() <= now).min_by_key(|l| l.due())
    }

    /// The length of a packet that is due at `now`; it counts as sent.
    pub fn take(&mut self, now: u64) -> Option<u16> {
        let mut skipped = self.skipped;
        let lane = self.lane_due(now)?;
        let late = now.saturating_sub(lane.due());
        if late > CATCH_UP {
            let missed = (late - CATCH_UP) / u64::from(lane.series.interval_ns).max(1) + 1;
            skipped = skipped.saturating_add(u32::try_from(missed).unwrap_or(u32::MAX));
            lane.done = 0;
            lane.at = lane.at.max(now - CATCH_UP);
        }
        lane.advance();
        let len = lane.series.len;
        self.skipped = skipped;
        self.sent = self.sent.wrapping_add(1);
        self.bytes += u64::from(len);
        Some(len)
    }

    /// When the next packet is due; `None`: nothing is to be sent.
    pub fn wake(&self) -> Option<u64> {
        self.lanes.iter().filter(|l| l.is_on()).map(Lane::due).min().map(|due| due.min(self.until))
    }

    /// Whether there is anything left to send.
    pub fn is_on(&self) -> bool {
        self.lanes.iter().any(Lane::is_on)
    }
}
