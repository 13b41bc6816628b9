use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::net::cert::Certificate;
use crate::net::loopback::{
    LONG, Pki, SHORT, Served, reset, self_signed, self_signed_authority, serve, serve_tls, silence,
};
use rcgen::KeyUsagePurpose;

async fn shake(at: std::net::SocketAddr, host: &str, trust: &Trust, timeout: Duration) -> Handshake<TcpStream> {
    let stream = TcpStream::connect(at).await.unwrap();
    handshake(stream, host, at.ip(), trust, HTTP11, timeout).await
}

async fn verdict(served: Served, host: &str, trust: &Trust) -> (Option<FailureKind>, String, Facts) {
    let at = serve_tls(served, &[], |mut s| async move {
        let _ = s.read(&mut [0u8; 1]).await;
    })
    .await;
    let shaken = shake(at, host, trust, LONG).await;
    assert!(shaken.stream.is_some(), "an untrusted certificate must not end the handshake: {:?}", shaken.failure);
    let detail = shaken.failure.as_ref().map(|f| f.detail.clone()).unwrap_or_default();
    (shaken.failure.map(|f| f.kind), detail, shaken.facts)
}

#[tokio::test]
async fn a_good_chain_is_trusted_and_recorded() {
    let pki = Pki::test();
    let at = serve_tls(pki.leaf("rtc.example"), &[b"h2", b"http/1.1"], |mut s| async move {
        let _ = s.read(&mut [0u8; 1]).await;
    })
    .await;
    let shaken = shake(at, "rtc.example", &pki.trust(), LONG).await;
    assert_eq!(shaken.failure, None);
    assert_eq!(shaken.facts.get::<String>(&metric::TLS_VERSION).as_deref(), Some("TLSv1.3"));
    assert_eq!(shaken.facts.get::<String>(&metric::TLS_ALPN).as_deref(), Some("http/1.1"), "h2 must not be offered");
    assert!(shaken.facts.get::<String>(&metric::TLS_CIPHER).unwrap().starts_with("TLS13_"));
    let chain: Vec<Certificate> = shaken.facts.get(&metric::CERT_CHAIN).unwrap();
    assert_eq!(chain.len(), 2);
    assert_eq!(chain.first().unwrap().names, ["rtc.example"]);
    assert_eq!(chain.first().unwrap().issuer, "CN=Test Issuing");
    assert!(shaken.facts.get::<f64>(&metric::CERT_DAYS_LEFT).unwrap() > 30_000.0);
}

#[tokio::test]
async fn every_fault_of_a_certificate_is_told_apart_and_the_chain_kept() {
    let pki = Pki::test();
    let trust = pki.trust();
    let leaf_only = |mut s: Served| {
        s.chain.truncate(1);
        s
    };
    let with_root = |mut s: Served, root| {
        s.chain.push(root);
        s
    };
    let (other, foreign) = (Pki::test(), Pki::named("Foreign"));
    let cases = [
        (pki.leaf_between("a.example", 2019, 2020), FailureKind::CertExpired, "expired on 2020-01-01T00:00:00Z"),
        (pki.leaf_between("a.example", 2110, 2120), FailureKind::CertNotYetValid, "only from 2110-01-01T00:00:00Z"),
        (pki.leaf("b.example"), FailureKind::CertWrongName, "is for b.example, not for a.example"),
        (self_signed("a.example"), FailureKind::CertUnknownIssuer, "self-signed"),
        (leaf_only(pki.leaf("a.example")), FailureKind::CertIncompleteChain, "CN=Test Issuing"),
        (other.leaf("a.example"), FailureKind::CertInvalid, "with another key"),
        (foreign.leaf("a.example"), FailureKind::CertUnknownIssuer, "not trusted here: \"CN=Foreign Root\""),
        (
            with_root(foreign.leaf("a.example"), foreign.root()),
            FailureKind::CertUnknownIssuer,
            "ends at the root \"CN=Foreign Root\"",
        ),
    ];
    for (served, kind, words) in cases {
        let (got, detail, facts) = verdict(served, "a.example", &trust).await;
        assert_eq!(got, Some(kind), "{detail}");
        assert!(detail.contains(words), "{detail} should say {words}");
        assert!(facts.has(&metric::CERT_CHAIN) && facts.has(&metric::CERT_DAYS_LEFT));
    }
}

#[tokio::test]
async fn a_chain_to_a_foreign_authority_is_unknown_not_incomplete() {
    let nobody = Trust::only([]);
    let (kind, detail, _) = verdict(Pki::test().leaf("a.example"), "a.example", &nobody).await;
    assert_eq!(kind, Some(FailureKind::CertUnknownIssuer));
    assert!(detail.contains("not trusted here: \"CN=Test Root\""), "{detail}");
}

#[tokio::test]
async fn an_address_is_verified_as_a_name() {
    let pki = Pki::test();
    let (kind, detail, _) = verdict(pki.leaf("127.0.0.1"), "127.0.0.1", &pki.trust()).await;
    assert_eq!(kind, None, "{detail}");
}

/// Trusts what `served` presents first, and nobody else.
fn pinned(served: &Served) -> Trust {
    Trust::only(served.chain.first().cloned())
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_where_it_is_itself_a_root_whatever_its_marks() {
    let made = || self_signed_authority("a.example", 2020, 2120, &[]);
    let all_uses = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let used = self_signed_authority("a.example", 2020, 2120, &all_uses);
    for served in [made(), used, self_signed("a.example")] {
        let trust = pinned(&served);
        let (kind, detail, facts) = verdict(served, "a.example", &trust).await;
        assert_eq!(kind, None, "{detail}");
        assert!(facts.has(&metric::CERT_CHAIN));
    }
    let (kind, detail, _) = verdict(made(), "a.example", &Pki::test().trust()).await;
    assert_eq!(kind, Some(FailureKind::CertUnknownIssuer));
    assert!(detail.contains("CA:TRUE") && detail.contains("is not among the trusted roots"), "{detail}");
    for (served, other) in [(made(), made()), (self_signed("a.example"), self_signed("a.example"))] {
        let (kind, detail, _) = verdict(served, "a.example", &pinned(&other)).await;
        assert_eq!(kind, Some(FailureKind::CertUnknownIssuer));
        assert!(detail.contains("the trusted root of the same name is another certificate"), "{detail}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_itself_a_root_keeps_its_own_faults() {
    let may_sign = [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let cases = [
        (self_signed_authority("b.example", 2020, 2120, &[]), FailureKind::CertWrongName, "is for b.example, not for"),
        (self_signed_authority("a.example", 2019, 2020, &[]), FailureKind::CertExpired, "expired on 2020-01-01"),
        (self_signed_authority("a.example", 2110, 2120, &[]), FailureKind::CertNotYetValid, "only from 2110-01-01"),
        (self_signed_authority("a.example", 2020, 2120, &may_sign), FailureKind::CertInvalid, "use of its key"),
    ];
    for (served, kind, words) in cases {
        let trust = pinned(&served);
        let (got, detail, _) = verdict(served, "a.example", &trust).await;
        assert_eq!(got, Some(kind), "{detail}");
        assert!(detail.contains(words), "{detail} should say {words}");
    }
}

#[tokio::test]
async fn a_certificate_of_a_private_authority_is_trusted_where_it_is_itself_a_root() {
    let pki = Pki::test();
    let (served, other) = (pki.leaf("a.example"), pki.leaf("a.example"));
    let trust = pinned(&served);
    assert_eq!(verdict(served, "a.example", &trust).await.0, None);
    assert_eq!(verdict(other, "a.example", &trust).await.0, Some(FailureKind::CertUnknownIssuer));
}

async fn broken(at: std::net::SocketAddr, timeout: Duration) -> FailureKind {
    let shaken = shake(at, "a.example", &Trust::only([]), timeout).await;
    assert!(shaken.stream.is_none());
    let failure = shaken.failure.unwrap();
    assert_eq!(failure.step, Step::Tls);
    failure.kind
}

/// Reads the ClientHello, then writes `bytes` and closes.
async fn raw(bytes: &'static [u8]) -> std::net::SocketAddr {
    serve(move |mut s| async move {
        let _ = s.read(&mut [0u8; 4096]).await;
        let _ = s.write_all(bytes).await;
        let _ = s.shutdown().await;
    })
    .await
}

#[tokio::test]
async fn handshakes_break_in_ways_that_are_told_apart() {
    // Fatal alerts protocol_version (70) and handshake_failure (40), as a TLS 1.1 server and a fussy one send them.
    assert_eq!(broken(raw(b"\x15\x03\x01\x00\x02\x02\x46").await, LONG).await, FailureKind::TlsOldVersion);
    assert_eq!(broken(raw(b"\x15\x03\x03\x00\x02\x02\x28").await, LONG).await, FailureKind::TlsRefused);
    assert_eq!(broken(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, LONG).await, FailureKind::NotTls);
    assert_eq!(broken(raw(b"SSH-2.0-x\r\n").await, LONG).await, FailureKind::NotTls);
    assert_eq!(broken(raw(b"").await, LONG).await, FailureKind::TlsCutOff);
    assert_eq!(broken(raw(b"\x16\x03\x03\x00\x7a\x02\x00").await, LONG).await, FailureKind::TlsCutOff, "half a record");
    assert_eq!(broken(raw(b"\x16\x03\x03\x00\x04\x02\xff\xff\xff").await, LONG).await, FailureKind::Garbage);
    assert_eq!(broken(serve(reset).await, LONG).await, FailureKind::TlsCutOff);
    assert_eq!(broken(serve(silence).await, SHORT).await, FailureKind::TimedOut);
}

#[tokio::test]
async fn a_tls_1_1_server_hello_is_an_old_version() {
    // ServerHello, version 0x0302, 32 bytes of random, no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
    let mut hello = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02".to_vec();
    hello.extend_from_slice(&[7; 32]);
    hello.extend_from_slice(b"\x00\x00\x2f\x00");
    assert_eq!(broken(raw(hello.leak()).await, LONG).await, FailureKind::TlsOldVersion);
}

#[test]
fn ca_files_are_read_or_named() {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::test();
    let put = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let pem = Trust::load(&[put("root.pem", pki.root_pem().as_bytes())]).unwrap().roots.len();
    let der = Trust::load(&[put("root.der", &pki.root())]).unwrap().roots.len();
    let none = Trust::load(&[]).unwrap().roots.len();
    assert_eq!((pem, der), (none + 1, none + 1));
    let itself = self_signed_authority("a.example", 2020, 2120, &[]).chain.remove(0);
    let name = ServerName::try_from("a.example").unwrap();
    let fault = |trust: &Trust| {
        trust.pinned.without_issuer(CertificateError::UnknownIssuer, &itself, &name, clock::wall().as_secs() as i64)
    };
    assert_eq!(fault(&Trust::load(&[put("itself.der", &itself)]).unwrap()), None);
    assert_eq!(fault(&Trust::load(&[]).unwrap()), Some(CertificateError::UnknownIssuer));
    let empty = Trust::load(&[put("empty.pem", b"# nothing\n")]).unwrap_err().to_string();
    assert!(empty.contains("empty.pem") && empty.contains("no certificate"), "{empty}");
    let missing = Trust::load(&[dir.path().join("missing.pem")]).unwrap_err().to_string();
    assert!(missing.contains("missing.pem"), "{missing}");
    let bad = Trust::load(&[put("bad.der", b"\x30\x03abc")]).unwrap_err().to_string();
    assert!(bad.contains("bad.der") && bad.contains("certificate 1"), "{bad}");
}

#[tokio::test]
async fn an_echo_of_our_own_client_hello_is_told_as_one() {
    let at = serve(|mut s| async move {
        let (mut read, mut write) = s.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    })
    .await;
    let failure = shake(at, "rtc.example", &Pki::test().trust(), LONG).await.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::Garbage, "{failure}");
    assert!(failure.detail.contains("sends back what it is sent"), "{failure}");
}
