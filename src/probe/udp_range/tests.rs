//! Ranges over loopback.

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;

use super::super::layers;
use super::*;
use crate::model::{Outcome, PortSet};
use crate::net::tls::Trust;
use crate::wire::stun::{MAX_WRITTEN, Message, write_binding_success};

fn settings(ports: PortsMode) -> Settings {
    Settings { ports, ..layers::fixture::settings(Trust::only([])) }
}

fn task(address: &str, first: u16, last: u16) -> Task {
    let task = layers::fixture::task("localhost", (address.parse::<IpAddr>().unwrap(), first).into());
    Task { ports: PortRange::new(first, last), ..task }
}

async fn run(task: &Task, ports: PortsMode, hint: Option<bool>) -> Observation {
    probe(task, &settings(ports), hint, Arc::new(|_, _| {}), &CancellationToken::new()).await
}

/// Neighbouring ports of a loopback address of the test's own, of which those that `open` chooses answer as a responder
/// and the others stay silent.
fn neighbours(address: &str, count: u16, open: impl Fn(u16) -> bool) -> (u16, u16) {
    let ip: IpAddr = address.parse().unwrap();
    let bound =
        |first: u16| (first..first + count).map(|port| UdpSocket::bind((ip, port))).collect::<Result<Vec<_>, _>>();
    let (first, sockets) = (0..50)
        .find_map(|_| {
            let first = UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap().port().min(u16::MAX - count);
            bound(first).ok().map(|sockets| (first, sockets))
        })
        .unwrap();
    for (index, socket) in (0..).zip(sockets) {
        let answers = open(index);
        std::thread::spawn(move || {
            let (mut buf, mut out) = ([0; 2048], [0; MAX_WRITTEN]);
            while let Ok((len, from)) = socket.recv_from(&mut buf) {
                let Ok(message) = Message::read(&buf[..len]) else { continue };
                if answers {
                    let n = write_binding_success(&mut out, message.id(), from, true, None).unwrap();
                    let _ = socket.send_to(&out[..n], from);
                }
            }
        });
    }
    (first, first + count - 1)
}

#[tokio::test]
async fn a_responder_is_found_by_the_sample_and_swept_to_the_single_silent_port() {
    let (first, last) = neighbours("127.0.7.1", 60, |index| index != 33);
    let seen = run(&task("127.0.7.1", first, last), PortsMode::Sample(12), None).await;
    assert_eq!(seen.outcome, Outcome::Measured);
    let silent: PortSet = seen.facts.get(&metric::SILENT).unwrap();
    assert_eq!(silent, [first + 33].into_iter().collect());
    assert_eq!(seen.facts.get::<PortSet>(&metric::ANSWERED).unwrap().count(), 59);
    assert_eq!(seen.facts.get::<bool>(&metric::SAMPLED), Some(false));
    assert_eq!(seen.facts.get::<f64>(&metric::COVERAGE_PCT), Some(100.0));
    assert_eq!(seen.facts.get::<String>(&metric::RESPONDER).as_deref(), Some("1"));
    assert_eq!(seen.facts.get::<f64>(&metric::ROUND_TRIP_LOSS_PCT), Some(0.0));
}

#[tokio::test]
async fn a_responder_known_by_its_page_whose_ports_are_all_dropped_is_silent_and_known() {
    let (first, last) = neighbours("127.0.7.2", 5, |_| false);
    let seen = run(&task("127.0.7.2", first, last), PortsMode::Sample(12), Some(true)).await;
    assert_eq!(seen.outcome, Outcome::Measured);
    assert_eq!(seen.facts.get::<PortSet>(&metric::SILENT).unwrap().count(), 5);
    assert!(seen.facts.get(&metric::RESPONDER_PAGE) == Some(true) && !seen.facts.has(&metric::ROUND_TRIP_LOSS_PCT));
}

#[tokio::test]
async fn closed_ports_are_refused_by_the_target_itself() {
    let socket = UdpSocket::bind("127.0.7.3:0").unwrap();
    let port = socket.local_addr().unwrap().port().min(u16::MAX - 3);
    drop(socket);
    let seen = run(&task("127.0.7.3", port, port + 3), PortsMode::Sample(12), None).await;
    assert_eq!(seen.outcome, Outcome::Measured);
    assert_eq!(seen.facts.get::<PortSet>(&metric::REFUSED).unwrap().count(), 4);
    assert!(!seen.facts.has(&metric::RESPONDER));
}

#[tokio::test]
async fn answers_from_another_port_are_told_with_it() {
    let (asked, other) = (UdpSocket::bind("127.0.7.5:0").unwrap(), UdpSocket::bind("127.0.7.5:0").unwrap());
    let (port, from) = (asked.local_addr().unwrap().port(), other.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut buf, mut out) = ([0; 2048], [0; MAX_WRITTEN]);
        while let Ok((len, client)) = asked.recv_from(&mut buf) {
            let id = Message::read(&buf[..len]).unwrap().id();
            let n = write_binding_success(&mut out, id, client, true, None).unwrap();
            let _ = other.send_to(&out[..n], client);
        }
    });
    let seen = run(&task("127.0.7.5", port, port), PortsMode::All, None).await;
    assert_eq!(seen.facts.get::<PortSet>(&metric::SILENT).unwrap().to_string(), port.to_string());
    assert_eq!(seen.facts.get::<u32>(&metric::STRAY_ANSWERS), seen.facts.get::<u32>(&metric::PACKETS_SENT));
    assert_eq!(seen.facts.get::<String>(&metric::STRAY_FROM), Some(from.to_string()));
}

#[tokio::test]
async fn an_interrupted_sweep_is_out_of_time_with_its_facts() {
    let (first, last) = neighbours("127.0.7.4", 5, |_| false);
    let cancel = CancellationToken::new();
    cancel.cancel();
    let settings = settings(PortsMode::All);
    let seen = probe(&task("127.0.7.4", first, last), &settings, None, Arc::new(|_, _| {}), &cancel).await;
    assert_eq!(seen.failure().map(|f| f.kind), Some(FailureKind::OutOfTime));
    assert_eq!(seen.facts.get::<u32>(&metric::TOTAL), Some(5));
}
