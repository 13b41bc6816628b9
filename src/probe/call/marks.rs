//! What the packets of a call bear: the shape of Opus and VP8 to whoever forwards them, and inside it a number by which
//! their echo is known whatever a server does to RTP headers. Pure; knows no time.

use std::time::Duration;

use hyper::body::Bytes;

use crate::model::Media;
use crate::model::shape::{Stream, streams};
use crate::net::engine::Kind;

/// Codec's payload that a call sends, both streams together: as much as a small picture takes.
const KBPS: f64 = 500.0;
/// Bytes that stand before the mark in every video packet: the VP8 payload descriptor (RFC 7741 section 4.2) and as much as
/// the header of a key frame takes (RFC 6386 section 9.1).
const VIDEO_HEAD: usize = 11;
/// An Opus TOC byte (RFC 6716 section 3.1): CELT, full band, 20 ms, mono, one frame.
const AUDIO_HEAD: usize = 1;
const OPUS_TOC: u8 = 31 << 3;
/// What nobody else can know, and the number.
const MARK: usize = 12;
/// The first bytes of a key frame's size: 320 by 180.
const KEY_FRAME: [u8; 7] = [0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00];
/// From one packet of a frame to the next.
const IN_FRAME: Duration = Duration::from_millis(1);

/// One packet to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    pub kind: Kind,
    pub due: Duration,
    /// RTP time since the start, in the clock of its kind.
    pub clock: u32,
    /// Of a frame; an audio packet is a frame.
    pub first: bool,
    pub last: bool,
    /// A key frame, once in two seconds.
    pub key: bool,
    /// Bytes of RTP payload.
    pub len: usize,
}

/// Every packet of a call of that length, in the order of sending.
pub fn plan(length: Duration) -> Vec<Planned> {
    let kinds = [(Kind::Audio, 48_000), (Kind::Video, 90_000)];
    let shapes = streams(Media::AudioVideo, KBPS);
    let mut all: Vec<Planned> =
        kinds.into_iter().zip(shapes).flat_map(|(kind, shape)| stream(kind, shape, length)).collect();
    all.sort_by_key(|packet| packet.due);
    all
}

fn stream((kind, rate): (Kind, u32), shape: Stream, length: Duration) -> Vec<Planned> {
    let nanos = shape.period.as_nanos().max(1);
    let frames = u32::try_from(length.as_nanos() / nanos).unwrap_or(u32::MAX);
    let packet = |frame: u32, part: u32| Planned {
        kind,
        due: shape.period * frame + IN_FRAME * part,
        clock: (shape.period.as_secs_f64() * f64::from(frame) * f64::from(rate)).round() as u32,
        first: part == 0,
        last: part + 1 == shape.burst,
        key: frame.is_multiple_of(60),
        len: (shape.payload as usize).max(VIDEO_HEAD + MARK),
    };
    (0..frames).flat_map(|frame| (0..shape.burst).map(move |part| (frame, part))).map(|(f, p)| packet(f, p)).collect()
}

/// The payload of a packet with this number.
pub fn payload(packet: &Planned, secret: u64, number: u32) -> Bytes {
    let mut bytes = vec![0; packet.len];
    let mut put = |at: usize, part: &[u8]| {
        if let Some(room) = bytes.get_mut(at..at + part.len()) {
            room.copy_from_slice(part);
        }
    };
    let head = match packet.kind {
        Kind::Audio => {
            put(0, &[OPUS_TOC]);
            AUDIO_HEAD
        }
        Kind::Video => {
            // S is set in the first packet of a partition; the frame's first bit is clear in a key frame.
            put(0, &[if packet.first { 0x10 } else { 0 }]);
            if packet.first {
                put(1, &[if packet.key { 0x10 } else { 0x11 }, 0x02, 0x00]);
            }
            if packet.first && packet.key {
                put(4, &KEY_FRAME);
            }
            VIDEO_HEAD
        }
    };
    put(head, &secret.to_be_bytes());
    put(head + 8, &number.to_be_bytes());
    bytes.into()
}

/// The number that a payload bears, where it is one of ours.
pub fn number(kind: Kind, secret: u64, payload: &[u8]) -> Option<u32> {
    let head = match kind {
        Kind::Audio => AUDIO_HEAD,
        Kind::Video => VIDEO_HEAD,
    };
    let (theirs, number) = payload.get(head..head + MARK)?.split_first_chunk::<8>()?;
    (u64::from_be_bytes(*theirs) == secret).then(|| number.try_into().ok().map(u32::from_be_bytes))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn four_seconds_are_200_of_audio_and_120_frames_of_video() {
        let plan = plan(Duration::from_secs(4));
        let of = |kind| plan.iter().filter(move |p| p.kind == kind);
        assert_eq!(of(Kind::Audio).count(), 200);
        assert_eq!(of(Kind::Video).filter(|p| p.last).count(), 120);
        assert!(of(Kind::Video).all(|p| p.len <= 1200) && of(Kind::Video).count() == 240);
        assert!(plan.is_sorted_by_key(|p| p.due) && plan.last().unwrap().due < Duration::from_secs(4));
        let bits: usize = plan.iter().map(|p| p.len * 8).sum();
        assert!((490..530).contains(&(bits / 4000)), "{} kbit/s", bits / 4000);
        assert_eq!(of(Kind::Video).next_back().unwrap().clock, 119 * 3000);
        assert_eq!(of(Kind::Audio).next_back().unwrap().clock, 199 * 960);
    }

    #[test]
    fn a_frame_begins_as_vp8_does() {
        let plan = plan(Duration::from_secs(1));
        let video: Vec<_> = plan.iter().filter(|p| p.kind == Kind::Video).collect();
        assert!(payload(video[0], 7, 0).starts_with(&[0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a]), "a key frame first");
        assert_eq!(payload(video[1], 7, 1)[0], 0, "no start of a partition");
        assert!(payload(video[2], 7, 2).starts_with(&[0x10, 0x11]), "then others");
    }

    proptest! {
        #[test]
        fn a_number_comes_back_from_its_payload_alone(secret: u64, n: u32, at in 0usize..40) {
            let packet = plan(Duration::from_millis(700))[at];
            let bytes = payload(&packet, secret, n);
            prop_assert_eq!(bytes.len(), packet.len);
            prop_assert_eq!(number(packet.kind, secret, &bytes), Some(n));
            prop_assert_eq!(number(packet.kind, !secret, &bytes), None);
        }

        #[test]
        fn foreign_payloads_bear_no_number(secret: u64, bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            for kind in [Kind::Audio, Kind::Video] {
                let read = number(kind, secret, &bytes);
                prop_assert!(read.is_none() || bytes.windows(8).any(|w| w == secret.to_be_bytes()));
            }
        }
    }
}
