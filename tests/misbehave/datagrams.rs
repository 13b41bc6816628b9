//! STUN servers that answer wrongly: what comes from the server itself and is no answer is garbage, what comes from
//! elsewhere or for another transaction is silence; nothing of it is a pass.

use std::net::{SocketAddr, UdpSocket};

use crate::ask_of;
use crate::harness::{Check, STUN_PROFILE};

/// A server on a port of 127.0.0.1 that sends what `answer` makes of each request, from the socket that it names.
fn server(answer: impl Fn(&[u8], SocketAddr) -> Vec<u8> + Send + 'static, from_elsewhere: bool) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let elsewhere = UdpSocket::bind("127.0.0.1:0").unwrap();
    std::thread::spawn(move || {
        let mut datagram = [0; 2048];
        while let Ok((n, client)) = socket.recv_from(&mut datagram) {
            let sender = if from_elsewhere { &elsewhere } else { &socket };
            let _ = sender.send_to(&answer(&datagram[..n], client), client);
        }
    });
    port
}

/// The Binding success that RFC 8489 asks for: header, and an XOR-MAPPED-ADDRESS of 12 bytes.
fn binding_success(request: &[u8], client: SocketAddr) -> Vec<u8> {
    let SocketAddr::V4(client) = client else { panic!("an IPv4 client") };
    let cookie = [0x21, 0x12, 0xA4, 0x42];
    let port = client.port() ^ 0x2112;
    let mut answer = vec![0x01, 0x01, 0, 12];
    answer.extend_from_slice(&request[4..20]);
    answer.extend_from_slice(&[0, 0x20, 0, 8, 0, 1]);
    answer.extend_from_slice(&port.to_be_bytes());
    answer.extend(client.ip().octets().iter().zip(cookie).map(|(a, c)| a ^ c));
    answer
}

/// What rtc-check makes of a server that answers so: status and mapped address.
#[track_caller]
fn judged(answer: impl Fn(&[u8], SocketAddr) -> Vec<u8> + Send + 'static, from_elsewhere: bool, exit: i32) -> String {
    let port = server(answer, from_elsewhere);
    let report = ask_of(STUN_PROFILE, "stun", "stun.binding", port, exit);
    let checks = report.of("stun.binding");
    assert_eq!(checks.len(), 1, "{report}");
    if exit != 0 {
        never_answered(checks[0]);
    }
    format!("{} {}", checks[0].status(), checks[0].seen("mapped"))
}

#[track_caller]
fn never_answered(check: Check<'_>) {
    assert!(check.seen("mapped").is_null(), "a false answer's address was taken: {check}");
    assert_eq!(check.failure().0, "stun", "{check}");
}

#[test]
fn a_right_answer_passes_with_the_mapped_address() {
    let said = judged(binding_success, false, 0);
    assert!(said.starts_with("pass") && said.contains("127.0.0.1"), "{said}");
}

#[test]
fn an_answer_to_another_transaction_is_silence() {
    let wrong = |request: &[u8], client: SocketAddr| {
        let mut answer = binding_success(request, client);
        answer[19] ^= 1;
        answer
    };
    assert!(judged(wrong, false, 3).starts_with("unknown"));
}

#[test]
fn an_answer_from_another_socket_is_silence() {
    assert!(judged(binding_success, true, 3).starts_with("unknown"));
}

#[test]
fn an_echoed_request_is_garbage() {
    assert_eq!(judged(|request, _| request.to_vec(), false, 1), "fail null");
}

#[test]
fn what_is_no_stun_is_garbage() {
    assert_eq!(judged(|_, _| vec![0xA5; 1400], false, 1), "fail null");
    assert_eq!(judged(|_, _| Vec::new(), false, 1), "fail null");
}

#[test]
fn an_answer_cut_in_an_attribute_is_garbage() {
    for keep in [20, 24, 31] {
        let cut = move |request: &[u8], client: SocketAddr| binding_success(request, client)[..keep].to_vec();
        assert_eq!(judged(cut, false, 1), "fail null", "cut to {keep}");
    }
}

#[test]
fn an_attribute_longer_than_its_message_is_garbage() {
    let long = |request: &[u8], client: SocketAddr| {
        let mut answer = binding_success(request, client);
        answer[22..24].copy_from_slice(&0xFFFF_u16.to_be_bytes());
        answer
    };
    assert_eq!(judged(long, false, 1), "fail null");
}
