//! What a load comes to on the wire: how many packets of which size a stream of media sends, and which rates that makes
//! at each level. The train is built from these figures, and the plan tells them beforehand. Knows neither.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::measure::{Load, Media};

/// Of an RTP packet without extensions (RFC 3550 section 5.1).
pub const RTP_HEADER: u32 = 12;

/// Of a UDP datagram (RFC 768).
pub const UDP_HEADER: u32 = 8;

/// RTP payload of a video packet at the most: what WebRTC senders keep below every path's MTU.
pub const MOST_PAYLOAD: u32 = 1200;

/// Opus frames a second: one of 20 ms a packet.
pub const AUDIO_PACKETS: u32 = 50;

/// Video frames a second.
pub const VIDEO_FRAMES: u32 = 30;

/// Of a stream of audio and video, the audio takes so many kbit/s at the most, and never more than half.
const AUDIO_KBPS: f64 = 40.0;

/// So much of what is offered may be lost before less arrives than is required, in percent: the documents' own limit.
pub const LOSS_ALLOWED_PCT: f64 = 1.5;

/// Bytes of an IP header without options or extensions (RFC 791, RFC 8200).
pub fn ip_header(v6: bool) -> u32 {
    if v6 { 40 } else { 20 }
}

/// The codec payload to offer, in kbit/s, so that `required` still arrives when [`LOSS_ALLOWED_PCT`] is lost.
pub fn offered_kbps(required: f64) -> f64 {
    required / (1.0 - LOSS_ALLOWED_PCT / 100.0)
}

/// Packets at a steady beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Beats a second.
    pub per_second: u32,
    /// Packets at each beat, sent back to back.
    pub packets: u32,
    /// Codec payload of each packet, in bytes, without any header.
    pub payload: u32,
}

/// The beats of one stream of `media` that offers `kbps` of codec payload, rounded up to whole bytes a packet; empty
/// where nothing is to flow.
pub fn beats(media: Media, kbps: f64) -> Vec<Beat> {
    // No load of a document comes near; a rate that is no number offers nothing.
    let kbps = if kbps.is_finite() { kbps.clamp(0.0, 1e7) } else { 0.0 };
    let audio = match media {
        Media::Audio => kbps,
        Media::AudioVideo => AUDIO_KBPS.min(kbps / 2.0),
    };
    let beat = |kbps: f64, per_second: u32| {
        let bytes = (kbps * 125.0 / f64::from(per_second) - 1e-9).ceil() as u32;
        let packets = bytes.div_ceil(MOST_PAYLOAD);
        (bytes > 0).then(|| Beat { per_second, packets, payload: bytes.div_ceil(packets) })
    };
    [beat(audio, AUDIO_PACKETS), beat(kbps - audio, VIDEO_FRAMES)].into_iter().flatten().collect()
}

/// One direction of a load, all its sessions and streams together, in kbit/s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OneWay {
    /// At the most: a measuring packet that is larger than the media's makes for fewer at the same rate.
    pub packets_per_second: f64,
    /// Codec payload.
    pub payload_kbps: f64,
    /// With RTP headers.
    pub rtp_kbps: f64,
    /// With RTP, UDP and IP headers.
    pub ip_kbps: f64,
}

impl OneWay {
    /// What `streams` streams of `media` offer so that `required` kbit/s of each arrives.
    pub fn of(media: Media, required: f64, streams: u32, v6: bool) -> Self {
        let (mut packets, mut payload) = (0.0, 0.0);
        for beat in beats(media, offered_kbps(required)) {
            let each = f64::from(beat.per_second) * f64::from(beat.packets);
            packets += each;
            payload += each * f64::from(beat.payload);
        }
        let streams = f64::from(streams);
        let kbps = |header: u32| (payload + packets * f64::from(header)) * streams * 8.0 / 1000.0;
        Self {
            packets_per_second: packets * streams,
            payload_kbps: kbps(0),
            rtp_kbps: kbps(RTP_HEADER),
            ip_kbps: kbps(RTP_HEADER + UDP_HEADER + ip_header(v6)),
        }
    }
}

/// A load and what it comes to: `observed.load`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Offered {
    #[serde(flatten)]
    pub load: Load,
    pub up: OneWay,
    pub down: OneWay,
}

impl Load {
    /// What the load comes to on the wire of a family.
    pub fn offered(&self, v6: bool) -> Offered {
        let streams = self.sessions.saturating_mul(self.down_streams);
        Offered {
            load: *self,
            up: OneWay::of(self.media, self.up_kbps, self.sessions, v6),
            down: OneWay::of(self.media, self.down_kbps, streams, v6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_of_40_is_50_packets_of_102_bytes() {
        assert_eq!(beats(Media::Audio, offered_kbps(40.0)), [Beat { per_second: 50, packets: 1, payload: 102 }]);
        let way = OneWay::of(Media::Audio, 40.0, 1, false);
        assert_eq!((way.packets_per_second, way.payload_kbps, way.ip_kbps), (50.0, 40.8, 56.8));
        assert_eq!(OneWay::of(Media::Audio, 40.0, 3, true).ip_kbps, 3.0 * (102.0 + 60.0) * 0.4);
    }

    #[test]
    fn audio_and_video_share_the_rate_and_a_large_frame_is_split() {
        let beat = |per_second, packets, payload| Beat { per_second, packets, payload };
        assert_eq!(beats(Media::AudioVideo, 80.0), [beat(50, 1, 100), beat(30, 1, 167)]);
        assert_eq!(beats(Media::AudioVideo, 20.0), [beat(50, 1, 25), beat(30, 1, 42)]);
        assert_eq!(beats(Media::AudioVideo, 1400.0), [beat(50, 1, 100), beat(30, 5, 1134)]);
        assert!(beats(Media::AudioVideo, f64::NAN).is_empty() && beats(Media::Audio, 0.0).is_empty());
    }

    #[test]
    fn what_is_required_arrives_although_as_much_as_is_allowed_is_lost() {
        for kbps in [1.0, 40.0, 48.0, 80.0, 600.0, 1400.0] {
            for media in [Media::Audio, Media::AudioVideo] {
                let way = OneWay::of(media, kbps, 1, false);
                assert!(way.payload_kbps * 0.985 >= kbps - 1e-6, "{media:?} {kbps}: {way:?}");
                assert!(way.payload_kbps * 0.985 < kbps + 1.7, "{media:?} {kbps}: {way:?}");
            }
        }
    }
}
