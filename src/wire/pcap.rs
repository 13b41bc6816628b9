//! The pcap file format (draft-ietf-opsawg-pcap) as it is written: nanoseconds, packets that begin with their IP header.

use std::time::Duration;

/// Nanoseconds, in this writer's order.
const MAGIC: u32 = 0xa1b2_3c4d;
const VERSION: (u16, u16) = (2, 4);
/// LINKTYPE_RAW: each packet begins with an IPv4 or IPv6 header.
const RAW: u32 = 101;

/// Bytes of the file's header.
pub const FILE_HEADER: usize = 24;
/// Bytes of each packet's header.
pub const PACKET_HEADER: usize = 16;

/// The file's header; no packet is longer than `longest`.
pub fn file_header(longest: u32) -> [u8; FILE_HEADER] {
    let mut out = [0; FILE_HEADER];
    let words = [MAGIC, u32::from(VERSION.0) | u32::from(VERSION.1) << 16, 0, 0, longest, RAW];
    out.chunks_exact_mut(4).zip(words).for_each(|(chunk, word)| chunk.copy_from_slice(&word.to_le_bytes()));
    out
}

/// A packet's header: when it was seen, since 1970, how much of it follows, and how long it was.
pub fn packet_header(at: Duration, kept: usize, length: usize) -> [u8; PACKET_HEADER] {
    let short = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let words = [at.as_secs() as u32, at.subsec_nanos(), short(kept), short(length.max(kept))];
    let mut out = [0; PACKET_HEADER];
    out.chunks_exact_mut(4).zip(words).for_each(|(chunk, word)| chunk.copy_from_slice(&word.to_le_bytes()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_as_the_format_has_them() {
        assert_eq!(
            file_header(65_535),
            [0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0]
        );
        let header = packet_header(Duration::new(1, 2), 40, 1400);
        assert_eq!(header, [1, 0, 0, 0, 2, 0, 0, 0, 40, 0, 0, 0, 0x78, 5, 0, 0]);
    }
}
