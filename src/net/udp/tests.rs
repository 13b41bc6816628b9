//! Sessions over loopback sockets.

use super::super::chance;
use super::*;
use crate::model::PortRange;
use crate::model::schedule::Schedule;
use crate::session::binding::{Binding, Ending};
use crate::session::sweep::{Sweep, SweepConfig};
use crate::wire::stun::{MAX_WRITTEN, Message, write_binding_success};

fn loopback(address: &str) -> Option<UdpSocket> {
    UdpSocket::bind((address.parse::<IpAddr>().unwrap(), 0)).ok()
}

fn drive_to(target: IpAddr) -> Drive {
    let (deadline, cancel) = (Duration::from_secs(20), CancellationToken::new());
    Drive { target, sockets: 2, deadline, cancel, step: Step::Stun }
}

/// Answers so many requests on a thread.
fn answer(socket: UdpSocket, count: usize) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buf = [0; 2048];
        let mut out = [0; MAX_WRITTEN];
        for _ in 0..count {
            let (len, from) = socket.recv_from(&mut buf).unwrap();
            let id = Message::read(&buf[..len]).unwrap().id();
            let n = write_binding_success(&mut out, id, from, true, None).unwrap();
            socket.send_to(&out[..n], from).unwrap();
        }
    })
}

async fn bind_to(to: SocketAddr, drive: Drive) -> (Binding, Stop) {
    let secret = chance::bytes();
    drive.run(move |now| Binding::new(now, to, Schedule::QUICK, &secret, None), |_, _| {}).await.unwrap()
}

#[tokio::test]
async fn a_binding_goes_through_in_both_families() {
    for address in ["127.0.0.1", "::1"] {
        let Some(server) = loopback(address) else { continue };
        let to = server.local_addr().unwrap();
        let server = answer(server, 4);
        let (session, stop) = bind_to(to, drive_to(to.ip())).await;
        let seen = session.outcome();
        assert_eq!(stop, Stop::Finished);
        let Some(Ending::Answered(answer)) = seen.ending else { panic!("{seen:?}") };
        assert_eq!(answer.mapped.map(|m| m.ip()), Some(to.ip()));
        assert_eq!((answer.responder, seen.rtts.len()), (Some(1), 4));
        server.join().unwrap();
    }
}

#[tokio::test]
async fn a_closed_port_is_refused_in_both_families() {
    for address in ["127.0.0.1", "::1"] {
        let Some(closed) = loopback(address) else { continue };
        let to = closed.local_addr().unwrap();
        drop(closed);
        let (session, stop) = bind_to(to, drive_to(to.ip())).await;
        assert_eq!(stop, Stop::Finished);
        let Some(Ending::Icmp(error)) = session.outcome().ending else { panic!() };
        assert_eq!((error.from, error.to), (Some(to.ip()), to));
    }
}

#[tokio::test]
async fn a_cancelled_and_a_late_session_come_back_unfinished() {
    let silent = loopback("127.0.0.1").unwrap();
    let to = silent.local_addr().unwrap();
    let drive = drive_to(to.ip());
    drive.cancel.cancel();
    let (session, stop) = bind_to(to, drive).await;
    assert_eq!((stop, session.outcome().ending), (Stop::Cancelled, None));
    let drive = Drive { deadline: Duration::from_millis(20), ..drive_to(to.ip()) };
    let (session, stop) = bind_to(to, drive).await;
    assert_eq!((stop, session.outcome().ending, session.outcome().sent), (Stop::Deadline, None, 1));
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_and_does_not_spin() {
    // A broadcast address without SO_BROADCAST: EACCES, as from a local firewall.
    let to = "255.255.255.255:9".parse().unwrap();
    let (session, stop) = bind_to(to, drive_to(to.ip())).await;
    assert_eq!(stop, Stop::Finished);
    assert!(matches!(session.outcome().ending, Some(Ending::NotSent(_))), "{:?}", session.outcome());
}

#[tokio::test]
async fn a_sweep_tells_open_and_closed_loopback_ports_apart() {
    let servers: Vec<UdpSocket> = (0..3).map(|_| loopback("127.0.0.77").unwrap()).collect();
    let mut open: Vec<u16> = servers.iter().map(|s| s.local_addr().unwrap().port()).collect();
    open.sort_unstable();
    let first = open[1].saturating_sub(20);
    let range = PortRange::new(first, first + 40).unwrap();
    let within: Vec<u16> = open.into_iter().filter(|p| range.contains(*p)).collect();
    let threads: Vec<_> = servers
        .into_iter()
        .filter(|s| within.contains(&s.local_addr().unwrap().port()))
        .map(|socket| answer(socket, 1))
        .collect();
    let target: IpAddr = "127.0.0.77".parse().unwrap();
    let secret = chance::bytes();
    let make = move |now| {
        Sweep::new(now, SweepConfig { target, range, pace: 1000, seed: 1, secret, credential: None, patient: false })
    };
    let (session, stop) = Drive { sockets: 4, ..drive_to(target) }.run(make, |_, _| {}).await.unwrap();
    let seen = session.outcome();
    assert_eq!(stop, Stop::Finished);
    assert_eq!(seen.answered, within.into_iter().collect());
    assert_eq!((seen.responder, seen.total), (Some(1), 41));
    assert!(seen.refused.count() >= 6, "{seen:?}");
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
