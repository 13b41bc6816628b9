use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::model::{Host, ProbeKind};
use crate::net::loopback::{LONG, Pki, SHORT, closed_port, read_head, serve, serve_tls, silence};

fn leg(transport: RelayTransport, server: SocketAddr, trust: Trust) -> Leg {
    Leg { transport, server, host: "relay.example".to_owned(), trust: Arc::new(trust), proxy: None }
}

async fn open(leg: &Leg, patience: Duration) -> (Result<Connected, ()>, Observation) {
    let mut obs = Observation::new(ProbeKind::Turn);
    (leg.connect(clock::now() + patience, &mut obs).await, obs)
}

async fn failure(leg: &Leg, patience: Duration) -> (Step, FailureKind) {
    let (connected, obs) = open(leg, patience).await;
    assert!(connected.is_err());
    let failure = obs.failure().unwrap();
    (failure.step, failure.kind)
}

fn steps(obs: &Observation) -> Vec<Step> {
    obs.steps.iter().map(|s| s.step).collect()
}

#[tokio::test]
async fn tcp_and_tls_are_opened_step_by_step() {
    let server = serve(silence).await;
    let (connected, obs) = open(&leg(RelayTransport::Tcp, server, Trust::only([])), LONG).await;
    assert!(matches!(connected.unwrap().carrier, Carrier::Tcp(_)));
    assert_eq!(steps(&obs), [Step::Connect]);
    let pki = Pki::test();
    let server = serve_tls(pki.leaf("relay.example"), &[], |_| async {}).await;
    let (connected, obs) = open(&leg(RelayTransport::Tls, server, pki.trust()), LONG).await;
    assert!(matches!(connected.unwrap().carrier, Carrier::Tls(_)));
    assert_eq!(steps(&obs), [Step::Connect, Step::Tls]);
    assert!(obs.facts.has(&metric::TLS_VERSION) && obs.facts.has(&metric::CERT_CHAIN));
}

#[tokio::test]
async fn a_leg_that_does_not_open_says_at_which_step_and_why() {
    let closed = closed_port().await;
    let refused = failure(&leg(RelayTransport::Tcp, closed, Trust::only([])), LONG).await;
    assert_eq!(refused, (Step::Connect, FailureKind::Refused));
    let pki = Pki::test();
    let other = serve_tls(pki.leaf("other.example"), &[], |_| async {}).await;
    let wrong = failure(&leg(RelayTransport::Tls, other, pki.trust()), LONG).await;
    assert_eq!(wrong, (Step::Tls, FailureKind::CertWrongName));
    let plain = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 512]).await;
        let _ = stream.write_all(&[1, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]).await;
    })
    .await;
    let not_tls = failure(&leg(RelayTransport::Tls, plain, pki.trust()), LONG).await;
    assert_eq!(not_tls, (Step::Tls, FailureKind::NotTls));
    let silent = failure(&leg(RelayTransport::Tls, serve(silence).await, pki.trust()), SHORT).await;
    assert_eq!(silent, (Step::Tls, FailureKind::TimedOut));
}

/// A proxy that connects to whatever port is asked for on 127.0.0.1, or answers with `status`.
async fn proxy(status: u16) -> Arc<Proxy> {
    let at = serve(move |mut stream| async move {
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("CONNECT relay.example:"), "by its name, as a browser does: {head}");
        let port = head.split([':', ' ']).nth(2).and_then(|port| port.parse::<u16>().ok()).unwrap();
        let _ = stream.write_all(format!("HTTP/1.1 {status} x\r\n\r\n").as_bytes()).await;
        if status == 200 {
            let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut far).await;
        }
    })
    .await;
    Arc::new(Proxy { kind: crate::net::proxy::Kind::Http, host: Host::Address(at.ip()), port: at.port(), login: None })
}

#[tokio::test]
async fn a_proxy_stands_in_the_place_of_connect_and_its_refusal_is_the_failure() {
    let pki = Pki::test();
    let server = serve_tls(pki.leaf("relay.example"), &[], |_| async {}).await;
    let through = Leg { proxy: Some(proxy(200).await), ..leg(RelayTransport::Tls, server, pki.trust()) };
    let (connected, obs) = open(&through, LONG).await;
    assert!(connected.is_ok());
    assert_eq!(steps(&obs), [Step::Proxy, Step::Tls]);
    let refusing = Leg { proxy: Some(proxy(403).await), ..leg(RelayTransport::Tcp, server, pki.trust()) };
    let (connected, obs) = open(&refusing, LONG).await;
    assert!(connected.is_err());
    assert_eq!(obs.failure().unwrap().kind, FailureKind::ProxyRefused);
    assert_eq!(obs.facts.get::<u16>(&metric::PROXY_STATUS), Some(403));
}

#[cfg(feature = "media")]
mod dtls {
    use ring::signature::EcdsaKeyPair;
    use webrtc::dtls::config::Config;
    use webrtc::dtls::conn::DTLSConn;
    use webrtc::dtls::crypto::{Certificate, CryptoPrivateKey, CryptoPrivateKeyKind};
    use webrtc_util::Conn;

    use super::*;
    use crate::net::loopback::{Served, self_signed_authority};

    /// Answers one client with what it sends, over DTLS.
    async fn echo(served: Served) -> SocketAddr {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = socket.local_addr().unwrap();
        let der = served.key.secret_der().to_vec();
        let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, &der, &ring::rand::SystemRandom::new()).unwrap();
        let private_key = CryptoPrivateKey { kind: CryptoPrivateKeyKind::Ecdsa256(key), serialized_der: der };
        let config =
            Config { certificates: vec![Certificate { certificate: served.chain, private_key }], ..Config::default() };
        tokio::spawn(async move {
            let mut first = [0; 1];
            let (_, client) = socket.peek_from(&mut first).await.unwrap();
            socket.connect(client).await.unwrap();
            let Ok(conn) = DTLSConn::new(Arc::new(socket), config, false, None).await else { return };
            let mut buf = [0; 2048];
            while let Ok(len) = conn.recv(&mut buf).await {
                let _ = conn.send(&buf[..len]).await;
            }
        });
        at
    }

    #[tokio::test]
    async fn dtls_carries_datagrams_to_a_server_that_is_trusted() {
        let pki = Pki::test();
        let server = echo(pki.leaf("relay.example")).await;
        let (connected, obs) = open(&leg(RelayTransport::Dtls, server, pki.trust()), LONG).await;
        let Ok(Connected { carrier: Carrier::Dtls(dtls), .. }) = connected else { panic!("{obs:?}") };
        assert_eq!(steps(&obs), [Step::Dtls]);
        assert!(obs.facts.has(&metric::CERT_CHAIN));
        dtls.send(b"ping").await.unwrap();
        let mut buf = [0; 16];
        let len = dtls.recv(&mut buf).await.unwrap();
        assert_eq!(&buf[..len], b"ping");
    }

    #[tokio::test]
    async fn dtls_trusts_a_self_signed_certificate_that_is_itself_a_root() {
        let made = || self_signed_authority("relay.example", 2020, 2120, &[]);
        let served = made();
        let trust = || Trust::only(served.chain.clone());
        let server = echo(Served { chain: served.chain.clone(), key: served.key.clone_key() }).await;
        let (connected, obs) = open(&leg(RelayTransport::Dtls, server, trust()), LONG).await;
        assert!(connected.is_ok(), "{obs:?}");
        let other = leg(RelayTransport::Dtls, echo(made()).await, trust());
        assert_eq!(failure(&other, LONG).await, (Step::Dtls, FailureKind::CertUnknownIssuer));
    }

    #[tokio::test]
    async fn a_wrong_name_an_unknown_issuer_a_closed_port_and_silence_are_told_apart() {
        let pki = Pki::test();
        let wrong = failure(&leg(RelayTransport::Dtls, echo(pki.leaf("other.example")).await, pki.trust()), LONG).await;
        assert_eq!(wrong, (Step::Dtls, FailureKind::CertWrongName));
        let stranger = leg(RelayTransport::Dtls, echo(pki.leaf("relay.example")).await, Pki::named("Other").trust());
        assert_eq!(failure(&stranger, LONG).await, (Step::Dtls, FailureKind::CertUnknownIssuer));
        let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let refused = failure(&leg(RelayTransport::Dtls, closed, pki.trust()), LONG).await;
        assert_eq!(refused, (Step::Dtls, FailureKind::Refused));
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let late = failure(&leg(RelayTransport::Dtls, silent.local_addr().unwrap(), pki.trust()), SHORT).await;
        assert_eq!(late, (Step::Dtls, FailureKind::TimedOut));
    }
}
