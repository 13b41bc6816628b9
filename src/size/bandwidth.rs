//! Channels to bandwidth: how many streams cross the servers' line and the site's, and what they carry. Knows a mode's
//! rate and the recommended one; knows nothing of any line.

use crate::model::sizing::{BandwidthNeed, Line, RateOp, Rates};
use crate::model::{Media, Source, shape};
use crate::profile::{Mode, Rate, Sizing};

use super::counted;

/// Streams of one channel at the server, each way: one of each of its two peers.
pub(super) const PEERS: u32 = 2;

/// What the lines must carry for `channels`.
pub(super) fn need(sizing: &Sizing, mode: &Mode, channels: u32) -> BandwidthNeed {
    let stream = sizing.stream.as_ref();
    let recommended = stream.map(|s| {
        rates(Rate { op: RateOp::Exactly, kbps: s.kbps }, s.resolution.to_string(), s.source.clone(), channels)
    });
    BandwidthNeed {
        mode: rates(mode.rate, mode.resolution.to_string(), mode.source.clone(), channels),
        recommended,
        assumptions: assumptions(channels),
    }
}

fn assumptions(channels: u32) -> Vec<String> {
    let at_server = PEERS * channels;
    vec![
        format!(
            "At the server: a channel is one call of two peers, and all media goes through the server, which takes one \
             stream from each peer and sends one to each: {} x 2 peers = {at_server} streams down and \
             {at_server} up.",
            counted(channels, "channel")
        ),
        format!(
            "At the site: one peer of each call is there, with one stream up and one down: {channels} of each. Where \
             both peers of a call are at the site, count that call twice."
        ),
        "A stream carries sound and picture together at the document's rate, which is taken as the codecs' payload; \
         RTP, UDP and IP headers come on top at the IP level (reckoned for 30 frames of picture and 50 packets of sound a second; the table has IPv4)."
            .to_owned(),
    ]
}

fn rates(rate: Rate, resolution: String, source: Source, channels: u32) -> Rates {
    Rates {
        op: rate.op,
        stream_kbps: rate.kbps,
        resolution,
        server: line(rate.kbps, PEERS * channels),
        site: line(rate.kbps, channels),
        source,
    }
}

/// A line with as many streams up as down.
fn line(kbps: f64, streams: u32) -> Line {
    let payload = to_bits(kbps * f64::from(streams));
    // A shape offers what may be lost on top of what is required: here nothing is tested.
    let shape = shape::streams(Media::AudioVideo, kbps * (1.0 - shape::LOSS_ALLOWED));
    let figures = shape::figures(&shape, streams);
    let (v4, v6) = (to_bits(figures.ip_kbps_v4), to_bits(figures.ip_kbps_v6));
    Line {
        up_streams: streams,
        down_streams: streams,
        up_kbps: payload,
        down_kbps: payload,
        up_ip_kbps_v4: v4,
        down_ip_kbps_v4: v4,
        up_ip_kbps_v6: v6,
        down_ip_kbps_v6: v6,
    }
}

/// Whole bits a second: what is finer is the dust of binary fractions and of a frame's length in nanoseconds.
fn to_bits(kbps: f64) -> f64 {
    (kbps * 1000.0).round() / 1000.0
}
