//! Any bytes as what an SSH server sends: its identification, and what was decided stays decided when more arrives; then
//! a packet, whose offer is written and read alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::ssh::kexinit::{self, LONGEST, Packet};
use rtc_check::wire::ssh::{MAX_IDENTIFICATION, Reading, identified, read_identification};

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let early = read_identification(&bytes[..usize::from(cut).min(bytes.len())]);
    let whole = read_identification(bytes);
    if let Reading::Identification(line) = &whole {
        assert!(line.starts_with("SSH-") && line.chars().count() <= MAX_IDENTIFICATION);
        packet(&bytes[identified(bytes)..]);
    }
    if matches!(early, Reading::Identification(_)) {
        assert_eq!(early, whole);
    }
    packet(bytes);
});

fn packet(bytes: &[u8]) {
    let Ok(Some((packet, used))) = kexinit::read(bytes) else { return };
    assert!(used <= bytes.len() && used <= LONGEST + 4);
    if let Packet::Offer(offer) = packet {
        let written = offer.encode([0; 16]);
        if written.len() <= LONGEST {
            assert_eq!(kexinit::read(&written), Ok(Some((Packet::Offer(offer), written.len()))));
        }
    }
}
