//! Packets of made flows against a made table of sockets.

use super::*;
use crate::net::host::tree;

/// The process has UDP 5000 of 127.0.0.1 and the connection from 127.0.0.1:6000 to 127.0.0.2:443.
fn keep(most: usize) -> (tempfile::TempDir, Keep) {
    let line = |local: &str, remote: &str, state: &str, inode: u32| {
        format!("0: {local} {remote} {state} 0:0 0:0 0 0 0 {inode} 2 0\n")
    };
    let udp = line("0100007F:1388", "00000000:0000", "07", 11) + &line("0100007F:1389", "00000000:0000", "07", 99);
    let tcp = line("0100007F:1770", "0200007F:01BB", "01", 22);
    let (dir, root) = tree::of(&[
        ("proc/self/net/udp", &udp),
        ("proc/self/net/tcp", &tcp),
        ("proc/self/fd/3", "-> socket:[11]"),
        ("proc/self/fd/4", "-> socket:[22]"),
    ]);
    (dir, Keep::new(root, most))
}

fn packet(protocol: u8, from: (u8, u16), to: (u8, u16), rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0, 127, 0, 0, from.0, 127, 0, 0, to.0];
    bytes.extend(from.1.to_be_bytes().iter().chain(&to.1.to_be_bytes()));
    bytes.extend_from_slice(rest);
    bytes
}

fn tcp(payload: &[u8]) -> Vec<u8> {
    let mut rest = vec![0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0];
    rest.extend_from_slice(payload);
    packet(6, (1, 6000), (2, 443), &rest)
}

fn udp(from: u16, to: u16) -> Vec<u8> {
    packet(17, (1, from), (2, to), &[0, 12, 0, 0, b'd', b'a', b't', b'a'])
}

fn see(keep: &mut Keep, bytes: &[u8], is_outgoing: bool) {
    let at = Duration::from_secs(1);
    keep.packet(&Seen { at, length: bytes.len(), bytes, is_outgoing, is_loopback: false });
}

#[test]
#[cfg(target_endian = "little")]
fn own_flows_are_kept_and_nobody_elses() {
    let (_dir, mut keep) = keep(MOST);
    see(&mut keep, &udp(5000, 3478), true);
    see(&mut keep, &udp(5001, 3478), true);
    see(&mut keep, &udp(5002, 3478), true);
    see(&mut keep, &udp(3478, 5000), true);
    see(&mut keep, b"no packet", true);
    let mut error = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 127, 0, 0, 9, 127, 0, 0, 1, 3, 3, 0, 0, 0, 0, 0, 0];
    error.extend(udp(5000, 3479));
    see(&mut keep, &error, false);
    let end = error.len();
    error[end - 8..end - 6].copy_from_slice(&[0, 0]);
    error[48..50].copy_from_slice(&5001u16.to_be_bytes());
    see(&mut keep, &error, false);
    let captured = keep.finish(3);
    assert_eq!((captured.packets, captured.missed, captured.is_full), (2, 3, false));
    assert!(captured.file.windows(4).any(|w| w == b"data"), "UDP is kept whole");
}

const MOST: usize = 1 << 20;

#[test]
#[cfg(target_endian = "little")]
fn of_tcp_that_is_not_tls_only_the_headers_are_kept() {
    let (_dir, mut plain) = keep(MOST);
    for payload in
        [&b""[..], b"CONNECT a:443 HTTP/1.1\r\nProxy-Authorization: Basic aHVudGVyMg==", &[22, 3, 1, 0, 5, b'x']]
    {
        see(&mut plain, &tcp(payload), true);
    }
    let plain = plain.finish(0);
    assert_eq!(plain.packets, 3);
    assert!(!plain.file.windows(6).any(|w| w == b"aHVudG"), "a login was kept");
    assert_eq!(plain.file.len(), pcap::FILE_HEADER + 3 * (pcap::PACKET_HEADER + 40));
    let (_dir, mut tls) = keep(MOST);
    see(&mut tls, &tcp(&[22, 3, 1, 0, 5, b'h', b'e', b'l', b'l', b'o']), true);
    see(&mut tls, &tcp(b"later"), true);
    let tls = tls.finish(0).file;
    assert!(tls.windows(5).any(|w| w == b"hello") && tls.windows(5).any(|w| w == b"later"));
}

#[test]
#[cfg(target_endian = "little")]
fn a_full_file_says_so_and_grows_no_more() {
    let most = pcap::FILE_HEADER + 3 * (pcap::PACKET_HEADER + 32);
    let (_dir, mut keep) = keep(most);
    for port in 1..10 {
        see(&mut keep, &udp(5000, port), true);
    }
    let captured = keep.finish(0);
    assert_eq!((captured.packets, captured.is_full, captured.file.len()), (3, true, most));
}

#[test]
#[cfg(target_endian = "little")]
fn a_connection_that_was_opened_here_is_ours_though_no_table_has_it_any_more() {
    let (_dir, mut keep) = keep(MOST);
    let short = |from: u16| packet(6, (1, from), (2, 443), &[0; 16]);
    opened::begin();
    opened::connecting("127.0.0.1:6100".parse().unwrap(), "127.0.0.2:443".parse().unwrap());
    see(&mut keep, &short(6100), true);
    see(&mut keep, &short(6101), true);
    opened::end();
    assert_eq!(keep.finish(0).packets, 1);
}
