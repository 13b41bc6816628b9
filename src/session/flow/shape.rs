//! Media and plain rates as the series of packets that a flow sends.

use std::time::Duration;

use crate::model::shape::{RTP_HEADER, Stream, UDP_HEADER};
use crate::wire::flow::{DATA_LEN, LONGEST, Series, Shape};

/// UDP payload of the packets of a search: the largest that passes every usual path.
pub const SEARCH_LEN: u16 = 1200;

/// Bytes of the headers of UDP and IP.
pub fn headers(v6: bool) -> u32 {
    UDP_HEADER + if v6 { 40 } else { 20 }
}

/// The streams of `copies` sessions, evenly spread over their period. A packet that is too small to bear a flow's head
/// is replaced by fewer larger ones that come to the same rate at the IP level. Beyond two streams the rest is left out.
pub fn of_streams(streams: &[Stream], copies: u32, v6: bool) -> Shape {
    let mut shape = Shape::default();
    for (series, stream) in shape.iter_mut().zip(streams) {
        *series = series_of(*stream, copies, v6);
    }
    shape
}

fn series_of(stream: Stream, copies: u32, v6: bool) -> Series {
    if copies == 0 || stream.burst == 0 {
        return Series::default();
    }
    let media = stream.payload + RTP_HEADER;
    let len = media.clamp(DATA_LEN as u32, LONGEST as u32);
    let larger = f64::from(len + headers(v6)) / f64::from(media + headers(v6));
    let interval = stream.period.as_nanos() as f64 / f64::from(copies) * larger;
    Series {
        interval_ns: interval.clamp(1.0, f64::from(u32::MAX)) as u32,
        len: u16::try_from(len).unwrap_or(u16::MAX),
        burst: u16::try_from(stream.burst).unwrap_or(u16::MAX),
    }
}

/// Packets of `len` bytes at `kbps` at the IP level.
pub fn of_rate(kbps: f64, len: u16, v6: bool) -> Shape {
    let bits = f64::from((u32::from(len) + headers(v6)) * 8);
    let interval = bits * 1e6 / kbps.max(1.0);
    [Series { interval_ns: interval.round().clamp(1.0, f64::from(u32::MAX)) as u32, len, burst: 1 }, Series::default()]
}

/// What a shape comes to in a second: packets, and kbit/s at the IP level.
pub fn rates(shape: &Shape, v6: bool) -> (f64, f64) {
    let on = shape.iter().filter(|s| s.interval_ns > 0);
    on.fold((0.0, 0.0), |(packets, kbps), s| {
        let more = f64::from(s.burst) * 1e9 / f64::from(s.interval_ns);
        (packets + more, kbps + more * f64::from(u32::from(s.len) + headers(v6)) * 0.008)
    })
}

/// UDP payload that a shape sends in `time`.
pub fn bytes(shape: &Shape, time: Duration) -> f64 {
    let on = shape.iter().filter(|s| s.interval_ns > 0);
    on.map(|s| f64::from(s.burst) * f64::from(s.len) * 1e9 / f64::from(s.interval_ns)).sum::<f64>() * time.as_secs_f64()
}

/// The series with packets that can be sent; all nothing where it sends nothing.
pub fn sendable(series: Series) -> Series {
    if series.interval_ns == 0 || series.burst == 0 || series.len == 0 {
        return Series::default();
    }
    let least = u16::try_from(DATA_LEN).unwrap_or(u16::MAX);
    let most = u16::try_from(LONGEST).unwrap_or(u16::MAX);
    Series { len: series.len.clamp(least, most), ..series }
}

/// The same shape with packets that can be sent, slowed down to at most `kbps` at the IP level. `None`: no interval is
/// long enough for that.
pub fn within(shape: &Shape, kbps: f64, v6: bool) -> Option<Shape> {
    let shape = shape.map(sendable);
    let (_, asked) = rates(&shape, v6);
    let slower = if asked > kbps { asked / kbps.max(0.001) } else { 1.0 };
    let stretched = |ns: u32| (f64::from(ns) * slower).ceil();
    let fits = shape.iter().all(|s| stretched(s.interval_ns) <= f64::from(u32::MAX));
    fits.then(|| shape.map(|s| Series { interval_ns: stretched(s.interval_ns) as u32, ..s }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Load, Media};

    fn load(media: Media, kbps: f64, sessions: u32, down_streams: u32) -> Load {
        Load { media, up_kbps: kbps, down_kbps: kbps, sessions, down_streams }
    }

    #[test]
    fn a_shape_has_the_rates_of_its_load() {
        for media in [Media::Audio, Media::AudioVideo] {
            for kbps in [3.0, 40.0, 80.0, 700.0, 1400.0, 20_000.0] {
                for (sessions, streams) in [(1, 1), (3, 4), (20, 1)] {
                    for v6 in [false, true] {
                        let load = load(media, kbps, sessions, streams);
                        let shape = of_streams(&crate::model::shape::streams(media, kbps), sessions * streams, v6);
                        let expected = load.figures_down().ip_kbps(v6);
                        let (_, got) = rates(&shape, v6);
                        assert!((got / expected - 1.0).abs() < 1e-3, "{load:?}: {got} of {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_rate_is_what_was_asked_and_can_be_slowed_down() {
        for kbps in [120.0, 500.0, 10_000.0, 1_000_000.0] {
            let shape = of_rate(kbps, SEARCH_LEN, false);
            assert!((rates(&shape, false).1 / kbps - 1.0).abs() < 1e-3);
            assert!((rates(&within(&shape, kbps / 2.0, false).unwrap(), false).1 / kbps - 0.5).abs() < 1e-3);
            assert_eq!(within(&shape, kbps * 2.0, false), Some(shape));
        }
    }

    #[test]
    fn what_no_interval_slows_down_enough_is_refused() {
        let series = Series { interval_ns: 1_000_000_000, len: 1472, burst: u16::MAX };
        assert_eq!(within(&[series, series], 20_000.0, false), None);
        let alone = within(&[Series { burst: 100, ..series }; 2], 20_000.0, false).unwrap();
        assert!(rates(&alone, false).1 <= 20_000.0);
    }

    #[test]
    fn a_packet_counts_as_long_as_it_will_be() {
        let tiny = [Series { interval_ns: 1000, len: 1, burst: 1 }, Series { interval_ns: 1000, len: 0, burst: 1 }];
        let slowed = within(&tiny, 1000.0, false).unwrap();
        assert_eq!((usize::from(slowed[0].len), slowed[1]), (DATA_LEN, Series::default()));
        assert!((rates(&slowed, false).1 / 1000.0 - 1.0).abs() < 1e-3);
    }
}
