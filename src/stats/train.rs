//! A train of packets as it was recorded, and what is known of it.

/// All that was recorded of a train. Times are nanoseconds; those of the far end are on a clock of its own, so only
/// differences between two of its times, or changes of a difference between the clocks, mean anything.
#[derive(Clone, Debug, Default)]
pub struct Train {
    /// By number: packet 0 is the first.
    pub sent: Vec<Sent>,
    /// In order of arrival, duplicates too.
    pub replies: Vec<Reply>,
    /// What the far end said it had received; `None` where it tells nothing.
    pub far: Option<Far>,
    /// The far end keeps a sequence of its own, so that `Reply::number` tells its sendings apart.
    pub stateful: bool,
}

/// One packet of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When it really left, since the train's start.
    pub at: i64,
    /// How much later than planned.
    pub late: i64,
    /// Bytes of UDP payload.
    pub len: u16,
}

/// One reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The packet that it answers, an index into [`Train::sent`].
    pub request: u32,
    /// The far end's own number of the reply; the request's where it keeps none.
    pub number: u32,
    /// When it came back, on the clock of [`Sent::at`].
    pub back: i64,
    /// When the request came to the far end and when the reply left it, on its clock.
    pub far: Option<(i64, i64)>,
}

/// What the far end said of the packets of the train that it received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Far {
    /// For each packet of [`Train::sent`] whether it came there; `None` where it is not known.
    pub came: Vec<Option<bool>>,
    /// Different packets that came; exact although `came` may have gaps.
    pub unique: u32,
    pub duplicates: u32,
    pub reordered: u32,
    /// Replies that it sent: one for each packet that came, duplicates too.
    pub replies: u32,
    /// Lost by its own socket for want of room.
    pub overflow: u32,
}

/// An estimate and the interval that holds the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Percentiles of something, in milliseconds; exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distribution {
    pub min: f64,
    pub mean: f64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

/// Loss of one way or of the round trip, in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    pub lost: u32,
    pub of: u32,
    /// Wilson's.
    pub share: Interval,
    /// Packets lost one after the other, the longest run; `None` where it is not known which ones were lost.
    pub longest_burst: Option<u32>,
    pub worst_200ms: Option<Window>,
    pub worst_15s: Option<Window>,
}

/// The stretch of a train that lost most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// When it began, in milliseconds since the train's start.
    pub at_ms: f64,
    pub lost: u32,
    pub of: u32,
}

/// Variation of delay from packet to packet, in order of arrival (RFC 3550 section 6.4.1's D), in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variation {
    /// Mean of |D| over the whole train: what RFC 3550's filter averages over the last few packets.
    pub mean: Interval,
    /// RFC 3550's J after the last packet, and its highest.
    pub rfc3550_last: f64,
    pub rfc3550_max: f64,
    /// Of |D|.
    pub distribution: Distribution,
}

/// How late this machine sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Late {
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// What is known of a train.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    pub sent: u32,
    /// Different packets of ours that were answered.
    pub received: u32,
    /// Round trip.
    pub loss: Option<Loss>,
    pub loss_up: Option<Loss>,
    pub loss_down: Option<Loss>,
    pub rtt: Option<Distribution>,
    pub rtt_mean: Option<Interval>,
    pub jitter_up: Option<Variation>,
    pub jitter_down: Option<Variation>,
    /// Of the round trip: a different thing, for where one way cannot be seen.
    pub rtt_variation: Option<Variation>,
    pub reordered_up: Option<u32>,
    pub reordered_down: Option<u32>,
    pub duplicated_up: Option<u32>,
    pub duplicated_down: Option<u32>,
    /// How much the one-way delay rose from the train's first part to its last: a queue that fills.
    pub delay_rise_up_ms: Option<Interval>,
    pub delay_rise_down_ms: Option<Interval>,
    /// The same of the round trip, which no far clock is part of.
    pub rtt_rise_ms: Option<Interval>,
    pub late: Option<Late>,
    /// The far end's times ran backwards, jumped or lay in the future in so many replies, which no delay is taken from.
    pub far_clock_jumps: u32,
}

/// A train in time, in slots of equal length from its first packet on.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    pub slot_ms: f64,
    pub slots: Vec<Slot>,
}

/// What became of the packets that were sent in one slot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slot {
    pub answered: u32,
    /// Least, mean and most, in milliseconds; `None` where none was answered.
    pub rtt_ms: Option<(f64, f64, f64)>,
    pub lost_up: u32,
    pub lost_down: u32,
    /// Lost on either way.
    pub lost_unknown: u32,
}

/// How often each round trip was seen: between two bounds as often as the count at the place of the first. The last
/// bar may be wider: it has all beyond the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    pub bounds_ms: Vec<f64>,
    pub counts: Vec<u32>,
}
