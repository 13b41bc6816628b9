use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::model::{ProbeKind, RelayTransport};
use crate::net::loopback::{LONG, blurt, serve};
use crate::net::tls::Trust;
use crate::wire::stun::{Class, MAX_WRITTEN, Message, write_binding_request};
use crate::wire::turn::frames::write_channel_data;

fn leg(transport: RelayTransport, server: SocketAddr, trust: Trust) -> Leg {
    Leg { transport, server, host: "relay.example".to_owned(), trust: Arc::new(trust), proxy: None }
}

async fn shim(leg: &Leg) -> Shim {
    Shim::open(leg, clock::now() + LONG, &mut Observation::new(ProbeKind::Ice)).await.unwrap()
}

/// A request of TURN's without attributes: `method` below 16.
fn request(method: u8, id: u8) -> Vec<u8> {
    [&[0, method, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[id; 12]].concat()
}

/// The error response 401 to it.
fn refusal(method: u8, id: u8) -> Vec<u8> {
    let head = [1, 0x10 | method, 0, 12, 0x21, 0x12, 0xA4, 0x42];
    [&head[..], &[id; 12], &[0, 9, 0, 8, 0, 0, 4, 1], b"who?"].concat()
}

async fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buf = [0; 2048];
    let len = timeout(LONG, socket.recv(&mut buf)).await.unwrap().unwrap();
    buf[..len].to_vec()
}

#[tokio::test]
async fn a_stream_is_framed_anew_in_both_directions_and_errors_are_kept() {
    let server = serve(|mut stream| async move {
        let mut asked = [0; 20 + 4 + 8];
        stream.read_exact(&mut asked).await.unwrap();
        assert_eq!(asked[20..], [0x40, 0, 0, 5, 9, 9, 9, 9, 9, 0, 0, 0]);
        // Two frames in three pieces, the second padded.
        let all = [refusal(3, 1), vec![0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0]].concat();
        for piece in [&all[..7], &all[7..40], &all[40..]] {
            stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let _ = stream.read(&mut asked).await;
    })
    .await;
    let shim = shim(&leg(RelayTransport::Tcp, server, Trust::only([]))).await;
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(shim.address()).await.unwrap();
    client.send(b"neither STUN nor ChannelData").await.unwrap();
    client.send(&request(3, 1)).await.unwrap();
    let mut data = [0; 64];
    let len = write_channel_data(&mut data, 0x4000, &[9; 5]).unwrap();
    client.send(&data[..len]).await.unwrap();
    assert_eq!(receive(&client).await, refusal(3, 1));
    assert_eq!(receive(&client).await, [0x40, 0, 0, 5, 1, 2, 3, 4, 5]);
    let log = shim.log();
    assert_eq!((log.len(), log[0].method, log[0].sent), (1, "Allocate", 1));
    assert_eq!(log[0].error, Some((401, "who?".to_owned())));
    assert!(log[0].took.is_some() && shim.cut().is_none());
}

#[tokio::test]
async fn a_binding_is_answered_here_and_a_second_client_not_at_all() {
    let relay = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let shim = shim(&leg(RelayTransport::Udp, relay.local_addr().unwrap(), Trust::only([]))).await;
    let (first, second) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let mut binding = [0; MAX_WRITTEN];
    let len = write_binding_request(&mut binding, [5; 12], None, 60).unwrap();
    second.send_to(&binding[..len], shim.address()).await.unwrap();
    let answer = receive(&second).await;
    let answer = Message::read(&answer).unwrap();
    assert_eq!((answer.class(), answer.id()), (Class::Error, [5; 12]));
    for (socket, id) in [(&first, 1), (&first, 1), (&second, 2), (&first, 3)] {
        socket.send_to(&request(3, id), shim.address()).await.unwrap();
    }
    let mut buf = [0; 64];
    for id in [1, 1, 3] {
        let (len, from) = timeout(LONG, relay.recv_from(&mut buf)).await.unwrap().unwrap();
        assert_eq!(buf[..len], request(3, id));
        relay.send_to(&refusal(3, id), from).await.unwrap();
        assert_eq!(receive(&first).await, refusal(3, id));
    }
    let sent: Vec<_> = shim.log().iter().map(|exchange| exchange.sent).collect();
    assert_eq!(sent, [2, 1]);
}

#[tokio::test]
async fn a_relay_that_is_none_is_told() {
    let server = serve(blurt).await;
    let shim = shim(&leg(RelayTransport::Tcp, server, Trust::only([]))).await;
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.send_to(&request(3, 1), shim.address()).await.unwrap();
    timeout(LONG, shim.shared.over.cancelled()).await.unwrap();
    let cut = shim.cut().unwrap();
    assert!(cut.kind == FailureKind::Garbage && cut.detail.contains("HTTP"), "{cut}");
}

#[cfg(feature = "media")]
mod agent {
    use tokio::sync::mpsc;
    use webrtc_ice::agent::Agent;
    use webrtc_ice::agent::agent_config::AgentConfig;
    use webrtc_ice::candidate::CandidateType;
    use webrtc_ice::network_type::NetworkType;
    use webrtc_ice::url::Url;

    use super::*;
    use crate::net::loopback::{Pki, relay};

    /// Candidates of every kind but host that an ICE agent gathers through the shim.
    async fn gathered(shim: &Shim) -> Vec<CandidateType> {
        let mut url = Url::parse_url(&format!("turn:{}?transport=udp", shim.address())).unwrap();
        (url.username, url.password) = (relay::USER.to_owned(), relay::PASSWORD.to_owned());
        let config = AgentConfig {
            urls: vec![url],
            network_types: vec![NetworkType::Udp4],
            candidate_types: vec![CandidateType::ServerReflexive, CandidateType::Relay],
            ..AgentConfig::default()
        };
        let agent = Agent::new(config).await.unwrap();
        let (tell, mut told) = mpsc::unbounded_channel();
        agent.on_candidate(Box::new(move |candidate| {
            let _ = tell.send(candidate.map(|c| c.candidate_type()));
            Box::pin(async {})
        }));
        agent.gather_candidates().unwrap();
        let mut all = Vec::new();
        while let Some(Some(candidate)) = timeout(LONG, told.recv()).await.unwrap() {
            all.push(candidate);
        }
        let _ = agent.close().await;
        all
    }

    #[tokio::test]
    async fn an_ice_agent_gathers_a_relay_candidate_over_every_transport_and_no_false_one() {
        let pki = Pki::test();
        let four = relay::udp("127.0.0.1").await.unwrap();
        let mut legs = vec![
            leg(RelayTransport::Udp, four.at, Trust::only([])),
            leg(RelayTransport::Tcp, relay::tcp(&four).await, Trust::only([])),
            leg(RelayTransport::Tls, relay::tls(&four, pki.leaf("relay.example")).await, pki.trust()),
        ];
        let six = relay::udp("::1").await;
        legs.extend(six.iter().map(|six| leg(RelayTransport::Udp, six.at, Trust::only([]))));
        for leg in legs {
            let shim = shim(&leg).await;
            assert_eq!(gathered(&shim).await, [CandidateType::Relay], "{leg:?}: {:?}", shim.log());
            let log = shim.log();
            assert_eq!(log[0].error.as_ref().map(|(code, _)| *code), Some(401));
            assert!(
                log[1].method == "Allocate" && log[1].error.is_none() && log[1].took < Some(Duration::from_secs(2))
            );
            assert!(!format!("{log:?}").contains(relay::PASSWORD));
        }
    }
}
