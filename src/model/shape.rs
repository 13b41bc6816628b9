//! The shape of media as packets: how large, how often, and what rates that makes at each layer. Pure arithmetic over a
//! [`Load`]; knows no test packet.

use std::time::Duration;

use super::{Load, Media};

/// Bytes of an RTP header (RFC 3550 section 5.1); it stands inside our UDP payload.
pub const RTP_HEADER: u32 = 12;

/// Bytes of a UDP header.
pub const UDP_HEADER: u32 = 8;

/// Share of packets that may be lost and still leave what is required.
pub const LOSS_ALLOWED: f64 = 0.015;

/// Packets of one video frame follow each other no closer.
pub const FRAME_GAP: Duration = Duration::from_micros(200);

const AUDIO_PERIOD: Duration = Duration::from_millis(20);
const VIDEO_PERIOD: Duration = Duration::from_nanos(1_000_000_000 / 30);
const LONGEST_PAYLOAD: u32 = 1200;
const MOST_AUDIO_KBPS: f64 = 40.0;

/// One stream of one session: every `period` a burst of `burst` packets of `payload` bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    pub period: Duration,
    pub burst: u32,
    /// Bytes of the codec's payload in each packet.
    pub payload: u32,
}

/// Rates of a shape, all sessions together, one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    pub packets_per_second: f64,
    /// The codec's payload.
    pub codec_kbps: f64,
    /// UDP payload: the codec's and the RTP header.
    pub udp_kbps: f64,
    /// With UDP's and the IP header.
    pub ip_kbps_v4: f64,
    pub ip_kbps_v6: f64,
}

impl Figures {
    /// At the IP level in the family.
    pub fn ip_kbps(&self, v6: bool) -> f64 {
        if v6 { self.ip_kbps_v6 } else { self.ip_kbps_v4 }
    }
}

/// The streams of one session that offer `required_kbps` and as much again as may be lost.
pub fn streams(media: Media, required_kbps: f64) -> Vec<Stream> {
    let offered = required_kbps.max(0.0) / (1.0 - LOSS_ALLOWED);
    match media {
        Media::Audio => vec![stream(AUDIO_PERIOD, offered)],
        Media::AudioVideo => {
            let audio = MOST_AUDIO_KBPS.min(offered / 2.0);
            vec![stream(AUDIO_PERIOD, audio), stream(VIDEO_PERIOD, offered - audio)]
        }
    }
}

/// The rate in bursts of as few packets of one length as it takes, whole bytes rounded up.
fn stream(period: Duration, kbps: f64) -> Stream {
    let bytes = (kbps * 125.0 * period.as_secs_f64()).min(f64::from(u32::MAX / 2));
    // A billionth of a byte is the error of the arithmetic, not of the rate.
    let bytes = ((bytes - 1e-9).ceil().max(1.0)) as u32;
    let burst = bytes.div_ceil(LONGEST_PAYLOAD);
    Stream { period, burst, payload: bytes.div_ceil(burst) }
}

/// Rates of `sessions` sessions of the streams.
pub fn figures(streams: &[Stream], sessions: u32) -> Figures {
    let mut sum = Figures::default();
    for stream in streams {
        let packets = f64::from(stream.burst) / stream.period.as_secs_f64() * f64::from(sessions);
        let kbps = |bytes: u32| packets * f64::from(bytes) * 0.008;
        sum.packets_per_second += packets;
        sum.codec_kbps += kbps(stream.payload);
        sum.udp_kbps += kbps(stream.payload + RTP_HEADER);
        sum.ip_kbps_v4 += kbps(stream.payload + RTP_HEADER + UDP_HEADER + 20);
        sum.ip_kbps_v6 += kbps(stream.payload + RTP_HEADER + UDP_HEADER + 40);
    }
    sum
}

impl Load {
    /// What is sent up under this load.
    pub fn figures_up(&self) -> Figures {
        figures(&streams(self.media, self.up_kbps), self.sessions)
    }

    /// What is sent down under this load, every stream of every session.
    pub fn figures_down(&self) -> Figures {
        figures(&streams(self.media, self.down_kbps), self.sessions.saturating_mul(self.down_streams))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_kbit_of_audio_is_a_packet_of_102_bytes_every_20_ms() {
        assert_eq!(streams(Media::Audio, 40.0), [Stream { period: AUDIO_PERIOD, burst: 1, payload: 102 }]);
        let figures = figures(&streams(Media::Audio, 40.0), 1);
        assert_eq!(figures.packets_per_second, 50.0);
        assert!((figures.codec_kbps - 40.8).abs() < 1e-9, "{figures:?}");
        assert!((figures.ip_kbps(false) - 56.8).abs() < 1e-9, "{figures:?}");
        assert!((figures.ip_kbps(true) - 64.8).abs() < 1e-9, "{figures:?}");
    }

    #[test]
    fn video_is_thirty_bursts_a_second_of_no_more_than_1200_bytes_a_packet() {
        let [audio, video] = streams(Media::AudioVideo, 1400.0).try_into().unwrap();
        assert_eq!((audio.payload, audio.burst), (100, 1));
        assert_eq!(video.burst, 5);
        assert!(video.payload <= LONGEST_PAYLOAD);
        let [audio, video] = streams(Media::AudioVideo, 60.0).try_into().unwrap();
        assert_eq!((audio.burst, video.burst), (1, 1));
        assert!(audio.payload < 100, "half the rate: {audio:?}");
    }

    #[test]
    fn what_is_offered_leaves_what_is_required_when_as_much_as_may_be_is_lost() {
        for media in [Media::Audio, Media::AudioVideo] {
            for kbps in [0.5, 40.0, 48.0, 60.0, 80.0, 300.0, 1200.0, 1400.0, 50_000.0] {
                let figures = figures(&streams(media, kbps), 1);
                assert!(figures.codec_kbps * (1.0 - LOSS_ALLOWED) >= kbps - 1e-4, "{kbps}: {figures:?}");
                assert!(figures.codec_kbps * (1.0 - LOSS_ALLOWED) <= kbps * 1.02 + 1.0, "{kbps}: {figures:?}");
            }
        }
    }
}
