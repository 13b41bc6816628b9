//! TLS with a recording verifier: the chain is always kept, the verdict on it is given apart from the handshake's, and
//! an untrusted certificate does not end the handshake, so that what lies behind it can be seen. Signatures are always
//! checked. The environment (`SSL_CERT_FILE`, `SSL_CERT_DIR`) is read by rustls-native-certs.

mod inspection;
mod pinned;
mod root;
pub mod stores;

use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, InvalidMessage, PeerIncompatible,
    RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::classify::{self, clean};
use super::first::Heard;
use super::talk::{echo, shown};
use super::{cert, clock};
use crate::model::{Facts, Failure, FailureKind, Step, metric};
use crate::wire::greeting;
use pinned::{Pinned, Roots};

/// The only protocol that HTTP and WebSocket probes offer: a server that may choose h2 for a WebSocket does (Janus).
pub const HTTP11: &[&[u8]] = &[b"http/1.1"];

/// A CA file larger than this is none.
const MAX_CA_FILE: u64 = 16 << 20;

/// Trust anchors and what verifies with them.
pub struct Trust {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    pinned: Arc<Pinned>,
    /// `None` where there is no root at all: then nobody is trusted.
    verifier: Option<Arc<WebPkiServerVerifier>>,
    notes: Vec<String>,
}

/// A `--ca` file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It cannot be opened or read.
    #[error("cannot read the CA file {}: {source}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// It holds no certificate.
    #[error("the CA file {} holds no certificate, neither PEM nor DER", .0.display())]
    Empty(PathBuf),
    /// One of its certificates is none.
    #[error("certificate {number} of the CA file {} cannot be used as a root: {reason}", .path.display())]
    Unusable { path: PathBuf, number: usize, reason: String },
}

impl Trust {
    /// The platform's roots and those of `ca_files` (PEM or DER). No root at all is allowed; [`Trust::notes`] says so.
    ///
    /// # Errors
    /// A CA file that cannot be read or used.
    pub fn load(ca_files: &[PathBuf]) -> Result<Self, TrustError> {
        let native = rustls_native_certs::load_native_certs();
        let mut roots = Roots::default();
        roots.add_parsable(native.certs);
        let mut notes: Vec<String> = native.errors.iter().take(5).map(|e| clean(&e.to_string(), 200)).collect();
        for path in ca_files {
            add_file(&mut roots, path)?;
        }
        if roots.anchors.is_empty() {
            notes.push("no trusted root certificate was found: every certificate will count as untrusted".to_owned());
        }
        Ok(Self::build(roots, notes))
    }

    /// Trusts `anchors` and nobody else; what is no certificate is left out.
    pub fn only<'a>(anchors: impl IntoIterator<Item = CertificateDer<'a>>) -> Self {
        let mut roots = Roots::default();
        roots.add_parsable(anchors.into_iter().map(CertificateDer::into_owned));
        Self::build(roots, Vec::new())
    }

    /// Trusts the certificates of a PEM text and nobody else.
    pub fn only_pem(pem: &str) -> Self {
        Self::only(CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok))
    }

    fn build(roots: Roots, notes: Vec<String>) -> Self {
        let provider = Arc::new(ring::default_provider());
        let (roots, pinned) = (Arc::new(roots.anchors), Arc::new(roots.pinned));
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone()).build().ok();
        Self { provider, roots, pinned, verifier, notes }
    }

    /// What went wrong while the platform's roots were read, for the log.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn config(&self, recorder: Arc<Recorder>, alpn: &[&[u8]]) -> Result<ClientConfig, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(recorder)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust").field("roots", &self.roots.len()).finish_non_exhaustive()
    }
}

fn add_file(roots: &mut Roots, path: &Path) -> Result<(), TrustError> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|f| f.take(MAX_CA_FILE).read_to_end(&mut bytes))
        .map_err(|source| TrustError::Unreadable { path: path.to_owned(), source })?;
    let certs: Vec<CertificateDer<'static>> = if bytes.starts_with(&[0x30]) {
        vec![bytes.into()]
    } else {
        CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).collect()
    };
    if certs.is_empty() {
        return Err(TrustError::Empty(path.to_owned()));
    }
    for (at, der) in certs.into_iter().enumerate() {
        roots.add(der).map_err(|e| TrustError::Unusable {
            path: path.to_owned(),
            number: at + 1,
            reason: clean(&e.to_string(), 200),
        })?;
    }
    Ok(())
}

/// How a handshake went.
pub struct Handshake<S> {
    /// The connection, also where the certificate is not to be trusted.
    pub stream: Option<TlsStream<Heard<S>>>,
    /// Why the handshake broke or the certificate is not trusted; step `tls`.
    pub failure: Option<Failure>,
    /// Version, cipher, ALPN, chain, days left: as far as it came.
    pub facts: Facts,
    /// From the ClientHello to the end.
    pub took: Duration,
}

/// Shakes hands over `stream` as a client of `host` (its address stands in where the name cannot be a server name),
/// offering `alpn`.
pub async fn handshake<S>(
    stream: S,
    host: &str,
    address: IpAddr,
    trust: &Trust,
    alpn: &[&[u8]],
    timeout: Duration,
) -> Handshake<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let start = clock::now();
    let recorder = Arc::new(Recorder::new(trust));
    let name = ServerName::try_from(host.to_owned()).unwrap_or_else(|_| ServerName::from(address));
    let outcome = match trust.config(recorder.clone(), alpn) {
        Ok(config) => {
            let (stream, ear) = Heard::new(stream);
            let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
            let broken = |failure| told(failure, &ear.first().bytes);
            match tokio::time::timeout(timeout, connecting).await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(e)) => Err(broken(handshake_failure(&e))),
                Err(_) => {
                    Err(broken(classify::timed_out(Step::Tls, "the server did not finish the TLS handshake", timeout)))
                }
            }
        }
        Err(e) => Err((Failure::new(Step::Tls, FailureKind::Internal, e.to_string()), None)),
    };
    let took = clock::now().duration_since(start);
    let mut facts = recorder.facts();
    match outcome {
        Ok(stream) => {
            negotiated(&stream, &mut facts);
            Handshake { stream: Some(stream), failure: recorder.verdict(trust, host), facts, took }
        }
        // What the server sent before the handshake broke says more than the break, where it is to blame for it.
        Err((failure, met)) => {
            if let Some(met) = met {
                facts.set(&metric::MET, met);
            }
            Handshake { stream: None, failure: Some(failure), facts, took }
        }
    }
}

/// What is to be said of a chain that another handshake brought, `sent` leaf first; a failure is of `step`.
#[cfg(feature = "media")]
pub(super) fn judge(
    sent: &[Vec<u8>],
    host: &str,
    address: IpAddr,
    trust: &Trust,
    step: Step,
) -> (Facts, Option<Failure>) {
    let recorder = Recorder::new(trust);
    let name = ServerName::try_from(host.to_owned()).unwrap_or_else(|_| ServerName::from(address));
    let chain: Vec<_> = sent.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let Some((leaf, rest)) = chain.split_first() else {
        let failure = Failure::new(step, FailureKind::CertInvalid, "the server sent no certificate");
        return (Facts::new(), Some(failure));
    };
    let _ = recorder.verify_server_cert(leaf, rest, &name, &[], UnixTime::since_unix_epoch(clock::wall()));
    let verdict = recorder.verdict(trust, host).map(|failure| Failure { step, ..failure });
    (recorder.facts(), verdict)
}

/// The failure, and the protocol that answered in place of TLS where its first bytes name one.
fn told(failure: Failure, first: &[u8]) -> (Failure, Option<&'static str>) {
    if is_client_hello(first) {
        return (echo(failure.step, "TLS").failure, None);
    }
    let Some(met) = greeting::protocol(first).filter(|name| *name != "TLS") else { return (failure, None) };
    let detail = format!("what listens there speaks {met} and not TLS: it sent {}", shown(first));
    (Failure { kind: FailureKind::NotTls, detail, ..failure }, Some(met))
}

/// A handshake record that begins with a ClientHello (RFC 8446 sections 4 and 5.1), which no server sends: it is our own.
fn is_client_hello(first: &[u8]) -> bool {
    first.starts_with(&[22, 3]) && first.get(5) == Some(&1)
}

fn negotiated<S>(stream: &TlsStream<S>, facts: &mut Facts) {
    let (_, tls) = stream.get_ref();
    if let Some(version) = tls.protocol_version() {
        facts.set(&metric::TLS_VERSION, version.as_str().unwrap_or("unknown").replace('_', "."));
    }
    if let Some(suite) = tls.negotiated_cipher_suite() {
        facts.set(&metric::TLS_CIPHER, suite.suite().as_str().unwrap_or("unknown"));
    }
    if let Some(alpn) = tls.alpn_protocol() {
        facts.set(&metric::TLS_ALPN, clean(&String::from_utf8_lossy(alpn), 40));
    }
}

/// The class of a handshake that broke.
fn handshake_failure(e: &io::Error) -> Failure {
    let fail = |kind, detail: &str| Failure::new(Step::Tls, kind, detail);
    match classify::tls_inside(e) {
        Some(tls) => tls_failure(tls),
        None => match classify::io_kind(e) {
            FailureKind::Reset => fail(FailureKind::TlsCutOff, "the connection was reset during the TLS handshake"),
            FailureKind::Closed => fail(FailureKind::TlsCutOff, "the connection was closed during the TLS handshake"),
            _ => classify::io(Step::Tls, e),
        },
    }
}

fn tls_failure(e: &rustls::Error) -> Failure {
    let (kind, detail) = match e {
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            (FailureKind::TlsOldVersion, "the server speaks neither TLS 1.2 nor TLS 1.3".to_owned())
        }
        rustls::Error::AlertReceived(alert) => {
            (FailureKind::TlsRefused, format!("the server refused the handshake with the alert {alert:?}"))
        }
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            (FailureKind::NotTls, "the server answers in plain text or another protocol, not in TLS".to_owned())
        }
        rustls::Error::InvalidMessage(what) => {
            (FailureKind::Garbage, format!("the server sent a malformed TLS message ({what:?})"))
        }
        rustls::Error::InvalidCertificate(what) => {
            (FailureKind::CertInvalid, format!("the server's certificate or its signature is not usable: {what}"))
        }
        other => (FailureKind::TlsRefused, other.to_string()),
    };
    Failure::new(Step::Tls, kind, clean(&detail, 300))
}

/// Keeps what one server sent, and the verdict on it.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    pinned: Arc<Pinned>,
    verifier: Option<Arc<WebPkiServerVerifier>>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    /// Leaf first.
    chain: Vec<CertificateDer<'static>>,
    verdict: Option<CertificateError>,
    /// Seconds since 1970 when it was verified.
    now: i64,
}

impl Recorder {
    fn new(trust: &Trust) -> Self {
        let Trust { provider, roots, pinned, verifier, .. } = trust;
        let (roots, pinned, verifier) = (roots.clone(), pinned.clone(), verifier.clone());
        Self { provider: provider.clone(), roots, pinned, verifier, seen: Mutex::new(None) }
    }

    fn with_seen<T>(&self, read: impl FnOnce(&Seen) -> T) -> Option<T> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(read)
    }

    fn facts(&self) -> Facts {
        let facts = self.with_seen(|seen| {
            let mut facts = Facts::new();
            let chain: Vec<_> = seen.chain.iter().map(|c| cert::describe(c)).collect();
            facts.set(&metric::CERT_CHAIN, chain);
            let known = root::Known::new(&self.roots, &self.pinned, &self.provider);
            known.record(&seen.chain, seen.now, &mut facts);
            if let Some(days) = seen.chain.first().and_then(|leaf| cert::days_left(leaf, seen.now)) {
                facts.set(&metric::CERT_DAYS_LEFT, days);
            }
            facts
        });
        facts.unwrap_or_default()
    }

    fn verdict(&self, trust: &Trust, host: &str) -> Option<Failure> {
        self.with_seen(|seen| {
            let error = seen.verdict.as_ref()?;
            Some(cert::explain(error, &seen.chain, &trust.roots, host, seen.now))
        })?
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = match &self.verifier {
            Some(v) => v.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).err(),
            None => Some(CertificateError::UnknownIssuer.into()),
        };
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let verdict = verdict.and_then(|e| {
            let error = match e {
                rustls::Error::InvalidCertificate(e) => e,
                other => CertificateError::Other(rustls::OtherError(Arc::new(other))),
            };
            self.pinned.without_issuer(error, end_entity, server_name, now)
        });
        let sent = std::iter::once(end_entity).chain(intermediates);
        let chain = sent.take(cert::MAX_CHAIN).map(|c| c.clone().into_owned()).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { chain, verdict, now });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
