//! The agent against a reflector on loopback, in both families.

use std::net::UdpSocket;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::model::{FailureKind, Load, Media};
use crate::net::{clock, udp::Stop};
use crate::session::ice_lite::IceSessions;
use crate::session::limits::AnswerLimits;
use crate::session::reflector::{Incoming, LONGEST, OwnSockets, Reflector};
use crate::session::train::{self, Decision, Looks, Stamp, Train, Via};
use crate::stats;
use crate::wire::ice::{Ask, Grant};

/// A reflector that answers at one port, until it is dropped.
struct Far {
    at: SocketAddr,
    grant: Grant,
    _serves: JoinSet<()>,
}

async fn far(address: &str) -> Far {
    let socket = tokio::net::UdpSocket::bind((address, 0)).await.unwrap();
    let at = socket.local_addr().unwrap();
    let mut own = OwnSockets::default();
    own.insert(at);
    let mut reflector = Reflector::new(AnswerLimits::default(), own, None, 7, clock::now());
    let mut ice = IceSessions::default();
    let ask = Ask { ufrag: "client".to_owned() };
    let grant = ice.grant(&ask, &[at.port()], at.ip(), (1, 2), clock::now()).unwrap();
    reflector.ice = ice;
    let mut serves = JoinSet::new();
    serves.spawn(async move {
        let (mut buf, mut answer) = ([0; LONGEST], [0; LONGEST]);
        loop {
            let (len, from) = socket.recv_from(&mut buf).await.unwrap();
            let mut incoming = Incoming::plain(clock::now(), from, at, &buf[..len]);
            (incoming.seen.received, incoming.seen.sending) = (clock::wall(), clock::wall());
            if let Ok(written) = reflector.handle(&incoming, &mut answer) {
                let _ = socket.send_to(&answer[..written.len], from).await;
            }
        }
    });
    Far { at, grant, _serves: serves }
}

fn plan(far: &Far) -> Plan {
    let pwd = Secret::new("0123456789abcdef0123456789abcdef");
    Plan {
        remote: vec![far.at],
        ours: Credentials { ufrag: "client".to_owned(), pwd },
        theirs: Credentials { ufrag: far.grant.ufrag.clone(), pwd: Secret::new(far.grant.pwd.clone()) },
        stun: Vec::new(),
        relays: Vec::new(),
        relay_only: false,
        patience: Duration::from_secs(5),
    }
}

fn train(target: SocketAddr, start: crate::net::paced::Start) -> Train {
    let load = Load { media: Media::Audio, up_kbps: 40.0, down_kbps: 40.0, sessions: 1, down_streams: 1 };
    let once = stats::Looks::exact(Duration::from_millis(200));
    let looks = Looks { next: Box::new(move |so_far| once.next(so_far)), decide: Box::new(|_| Decision::Undecided) };
    let via = Via::Stamp(Stamp { report: true, ..Stamp::default() });
    Train::new(train::Plan { target, load, via, dscp: 0, looks }, start.at, start.wall)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_is_nominated_and_carries_a_train_in_both_families() {
    for address in ["127.0.0.1", "::1"] {
        let far = far(address).await;
        let cancel = CancellationToken::new();
        let (report, connection) = connect(&plan(&far), &cancel).await;
        let connection = connection.unwrap();
        let (local, remote) = report.pair.unwrap();
        assert_eq!((local.kind, remote.kind, remote.address), (Kind::Host, Kind::Host, far.at));
        assert!(report.connected.is_some() && report.gathered.is_some(), "{report:?}");
        assert!(report.candidates.iter().all(|c| c.address.ip().is_loopback()), "{report:?}");

        let driven = connection.carry(|start| train(far.at, start), Duration::from_secs(5), &cancel).await;
        assert_eq!(driven.stop, Stop::Finished);
        let outcome = driven.session.finish(driven.ended);
        assert!(outcome.responder && outcome.record.sent.len() >= 2, "{outcome:?}");
        assert_eq!((outcome.record.replies.len(), outcome.misbehaviour.total()), (outcome.record.sent.len(), 0));
        let summary = stats::summarise(&outcome.record, 1.96);
        assert!(summary.loss_up.is_some_and(|loss| loss.lost == 0) && summary.rtt.is_some(), "{summary:?}");

        connection.close().await;
        // Its socket is free again as soon as the agent's task has let go of it.
        let free = async {
            while UdpSocket::bind(local.address).is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), free).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_answer_or_knows_another_password_is_no_pair() {
    let real = far("127.0.0.1").await;
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let theirs = Credentials { pwd: Secret::new("another password of theirs"), ..plan(&real).theirs };
    let short = Plan { patience: Duration::from_millis(300), ..plan(&real) };
    let nobody = Plan { remote: vec![silent.local_addr().unwrap()], ..short.clone() };
    for plan in [nobody, Plan { theirs, ..short }] {
        let (report, connected) = connect(&plan, &CancellationToken::new()).await;
        assert_eq!(
            connected.err().map(|f| (f.step, f.kind)),
            Some((crate::model::Step::Checks, FailureKind::IceFailed))
        );
        assert!(report.pair.is_none() && report.connected.is_none() && !report.candidates.is_empty(), "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_far_candidates_the_one_that_answers_is_found_and_a_cancellation_ends_it_at_once() {
    let real = far("127.0.0.1").await;
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let both = Plan { remote: vec![silent.local_addr().unwrap(), real.at], ..plan(&real) };
    let (report, connection) = connect(&both, &CancellationToken::new()).await;
    assert_eq!(report.pair.map(|(_, remote)| remote.address), Some(real.at));
    connection.unwrap().close().await;

    let cancel = CancellationToken::new();
    cancel.cancel();
    let nobody = Plan { remote: vec![silent.local_addr().unwrap()], ..plan(&real) };
    let begun = clock::now();
    let (_, connected) = connect(&nobody, &cancel).await;
    assert_eq!(connected.err().map(|f| f.kind), Some(FailureKind::OutOfTime));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stun_server_tells_a_reflexive_address() {
    let real = far("127.0.0.1").await;
    let with_stun = Plan { stun: vec![real.at], ..plan(&real) };
    let (report, connection) = connect(&with_stun, &CancellationToken::new()).await;
    let reflexive = report.candidates.iter().find(|c| c.kind == Kind::ServerReflexive);
    assert!(reflexive.is_some_and(|c| c.address.ip() == real.at.ip()), "{report:?}");
    connection.unwrap().close().await;
}
