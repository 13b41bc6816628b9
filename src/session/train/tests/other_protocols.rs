//! Trains over STUN, and trains that come back as they are.

use super::*;

#[test]
fn an_echo_tells_round_trips_loss_and_no_direction() {
    // Every tenth packet is lost, every fiftieth comes twice.
    let outcome = over(echo(), exact(20), |n, packet| match n {
        n if n % 10 == 3 => vec![],
        n if n % 50 == 7 => vec![packet.to_vec(); 2],
        _ => vec![packet.to_vec()],
    });
    assert_eq!((outcome.ending, outcome.record.sent.len(), outcome.sent_for), (Ending::Full, 1000, SECOND * 20));
    // Audio's own packets, RTP's header included.
    assert!(outcome.record.sent.iter().all(|s| s.len == 114) && !outcome.record.stateful && !outcome.responder);
    assert_eq!(outcome.misbehaviour.total(), 0);
    let summary = stats::summarise(&outcome.record, outcome.z);
    assert_eq!((summary.sent, summary.received, summary.loss.unwrap().lost), (1000, 900, 100));
    assert_eq!((summary.loss_up, summary.loss_down, outcome.record.far), (None, None, None));
    assert_eq!((summary.jitter_up, summary.jitter_down), (None, None));
    assert!((summary.rtt_mean.unwrap().value - 30.0).abs() < 0.01 && summary.rtt_variation.unwrap().mean.value < 0.01);
    let opinion = stats::emodel::opinion(Some(30.0), summary.rtt_variation.map(|v| v.mean.value), Some(10.0)).unwrap();
    assert!((1.0..4.0).contains(&opinion.mos), "a score is told without jitter of either way: {opinion:?}");
}

#[test]
fn what_is_no_echo_of_ours_counts_for_nothing() {
    type Lying = (fn(&mut Vec<u8>), fn(&Misbehaviour) -> u32);
    let lies: [Lying; 6] = [
        (|p| p[0] ^= 1, |m| m.unreadable),
        (|p| p[7] ^= 1, |m| m.never_sent),
        (|p| p[12] ^= 1, |m| m.never_sent),
        (|p| p.push(0), |m| m.longer),
        (|p| p.truncate(60), |m| m.unreadable),
        (|p| p[80] = 1, |m| m.unreadable),
    ];
    for (lie, field) in lies {
        let outcome = over(echo(), exact(5), |_, packet| {
            let mut packet = packet.to_vec();
            lie(&mut packet);
            vec![packet]
        });
        assert_eq!((outcome.ending, outcome.record.replies.len()), (Ending::Silent, 0));
        assert!(field(&outcome.misbehaviour) >= 97, "{:?}", outcome.misbehaviour);
    }
    // The proof is another session's.
    let outcome = over(echo(), exact(5), |n, packet| {
        let mut other = vec![0; packet.len()];
        Echoes::new(&[4; 32]).write(&mut other, n, packet.len());
        vec![other]
    });
    assert!(outcome.misbehaviour.never_sent >= 97);
}

fn echo() -> Via {
    Via::Echo { secret: [3; 32] }
}

/// Drives a train over STUN; `far` answers each request after 30 ms, or not.
fn over_stun(looks: Looks, credential: Option<Credential>, far: impl Fn(u32, &[u8]) -> Option<Vec<u8>>) -> Outcome {
    over(Via::Stun { credential, secret: [3; 32] }, looks, |n, request| far(n, request).into_iter().collect())
}

/// Drives a train; what `far` makes of each packet comes back after 30 ms.
fn over(via: Via, looks: Looks, far: impl Fn(u32, &[u8]) -> Vec<Vec<u8>>) -> Outcome {
    let start = crate::session::lossy::zero();
    let target: SocketAddr = TARGET.parse().unwrap();
    let plan = Plan { target, load: audio(), via, dscp: 0, looks };
    let mut train = Train::new(plan, start, WALL);
    let (mut now, mut buf, mut sent) = (start, [0; 2048], 0);
    let mut air = std::collections::VecDeque::new();
    loop {
        while let Some(transmit) = train.poll_transmit(now, &mut buf) {
            air.extend(
                far(sent, &buf[..transmit.len]).into_iter().map(|answer| (now + Duration::from_millis(30), answer)),
            );
            sent += 1;
        }
        let Some(wake) = train.wake() else { return train.finish(now) };
        match air.front() {
            Some((at, _)) if *at <= wake => {
                let (at, answer) = air.pop_front().unwrap();
                now = at;
                train.on_datagram(now, target, &answer);
            }
            _ => now = now.max(wake),
        }
    }
}

fn binding_success(request: &[u8]) -> Vec<u8> {
    use crate::wire::stun::{Message, write_binding_success};
    let mut out = vec![0; 256];
    let id = Message::read(request).unwrap().id();
    let len = write_binding_success(&mut out, id, "203.0.113.5:4000".parse().unwrap(), false, None).unwrap();
    out.truncate(len);
    out
}

#[test]
fn a_stun_server_tells_round_trips_and_no_direction_for_ten_seconds_at_most() {
    let outcome = over_stun(exact(60), None, |n, request| (n % 50 != 7).then(|| binding_success(request)));
    assert_eq!((outcome.ending, outcome.record.sent.len(), outcome.sent_for), (Ending::Full, 500, SECOND * 10));
    assert!(outcome.record.sent.iter().all(|s| s.len == 60) && !outcome.record.stateful && !outcome.responder);
    let summary = stats::summarise(&outcome.record, outcome.z);
    assert_eq!((summary.loss.unwrap().lost, summary.loss_up, summary.loss_down), (10, None, None));
    assert!((summary.rtt_mean.unwrap().value - 30.0).abs() < 0.01 && summary.jitter_up.is_none());
    assert_eq!(outcome.offered.packets_per_second, 50.0);
}

#[test]
fn lies_over_stun_are_classified_and_errors_are_answers() {
    type Lying = (fn(&[u8]) -> Vec<u8>, fn(&Misbehaviour) -> u32);
    let lies: [Lying; 3] = [
        (<[u8]>::to_vec, |m| m.unreadable),
        (|_| b"hello".to_vec(), |m| m.unreadable),
        (
            |request| {
                let mut other = request.to_vec();
                other[12] ^= 1;
                binding_success(&other)
            },
            |m| m.never_sent,
        ),
    ];
    for (lie, field) in lies {
        let outcome = over_stun(exact(5), None, |_, request| Some(lie(request)));
        assert_eq!((outcome.ending, outcome.record.replies.len()), (Ending::Silent, 0));
        assert!(field(&outcome.misbehaviour) >= 97, "{:?}", outcome.misbehaviour);
    }
    let credential = Some(Credential::new(b"key"));
    let outcome = over_stun(exact(2), credential, |_, request| {
        let mut out = vec![0; 256];
        let id = crate::wire::stun::Message::read(request).unwrap().id();
        let len = crate::wire::stun::write_binding_error(&mut out, id, 401, "Unauthorized").unwrap();
        Some(out[..len].to_vec())
    });
    assert_eq!((outcome.stun_errors, outcome.record.replies.len()), (Some((401, 100)), 100));
    assert!(outcome.record.sent.iter().all(|s| s.len == 96));
}
