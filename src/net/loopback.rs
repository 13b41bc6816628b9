//! Servers on loopback and a throw-away PKI, for the tests alone.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::tls::Trust;

/// A root, and an intermediate that issues.
pub struct Pki {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// What a server presents.
pub struct Served {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Pki {
    pub fn test() -> Self {
        Self::named("Test")
    }

    pub fn named(name: &str) -> Self {
        let root = authority(&format!("{name} Root"));
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let intermediate = CertifiedIssuer::signed_by(authority(&format!("{name} Issuing")), key, &root).unwrap();
        Self { root, intermediate }
    }

    pub fn trust(&self) -> Trust {
        Trust::only([self.root.der().clone()])
    }

    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    pub fn root(&self) -> CertificateDer<'static> {
        self.root.der().clone()
    }

    /// A leaf for `name`, valid in the given years, with the intermediate.
    pub fn leaf_between(&self, name: &str, from: i32, to: i32) -> Served {
        let key = KeyPair::generate().unwrap();
        let params = leaf_params(name, from, to);
        let leaf = params.signed_by(&key, &self.intermediate).unwrap();
        Served { chain: vec![leaf.der().clone(), self.intermediate.der().clone()], key: pkcs8(&key) }
    }

    pub fn leaf(&self, name: &str) -> Served {
        self.leaf_between(name, 2020, 2120)
    }
}

fn leaf_params(name: &str, from: i32, to: i32) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    // Authority information access with one caIssuers URI (RFC 5280 section 4.2.2.1).
    let uri = b"http://ca.example/i.crt";
    let mut access = vec![0x30, 12 + uri.len() as u8, 0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2, 0x86, uri.len() as u8];
    access.extend_from_slice(uri);
    let mut content = vec![0x30, access.len() as u8];
    content.extend_from_slice(&access);
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content)];
    params
}

fn pkcs8(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

pub fn self_signed(name: &str) -> Served {
    let key = KeyPair::generate().unwrap();
    let cert = leaf_params(name, 2020, 2120).self_signed(&key).unwrap();
    Served { chain: vec![cert.der().clone()], key: pkcs8(&key) }
}

/// Self-signed and marked as an authority's, as `openssl req -x509` makes it, valid in the given years; `usages` of the key
/// are not restricted where there are none.
pub fn self_signed_authority(name: &str, from: i32, to: i32, usages: &[KeyUsagePurpose]) -> Served {
    let key = KeyPair::generate().unwrap();
    let mut params = leaf_params(name, from, to);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = usages.to_vec();
    let cert = params.self_signed(&key).unwrap();
    Served { chain: vec![cert.der().clone()], key: pkcs8(&key) }
}

/// Answers every connection with `handle`.
pub async fn serve<F, R>(handle: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    serve_on("127.0.0.1:0", handle).await
}

pub async fn serve_on<F, R>(bind: &str, handle: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(bind).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    });
    address
}

/// Answers every connection with `handle` once TLS is up, choosing among `alpn`.
pub async fn serve_tls<F, R>(served: Served, alpn: &[&[u8]], handle: F) -> SocketAddr
where
    F: Fn(TlsStream<TcpStream>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    serve_tls_on("127.0.0.1:0", served, alpn, handle).await
}

pub async fn serve_tls_on<F, R>(bind: &str, served: Served, alpn: &[&[u8]], handle: F) -> SocketAddr
where
    F: Fn(TlsStream<TcpStream>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(served.chain, served.key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve_on(bind, move |stream| {
        let (acceptor, handle) = (acceptor.clone(), handle.clone());
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                handle(stream).await;
            }
        }
    })
    .await
}

/// Reads the head of a request, writes `answer`, and closes.
pub async fn answer<S: super::tcp::Duplex>(mut stream: S, answer: &[u8]) {
    read_head(&mut stream).await;
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
}

/// Reads up to the empty line that ends a request's head.
pub async fn read_head<S: super::tcp::Duplex>(stream: &mut S) -> String {
    let mut head = Vec::new();
    let mut byte = [0u8; 1];
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
        head.extend_from_slice(&byte);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Reads something, then ends the connection with RST.
pub async fn reset(mut stream: TcpStream) {
    let _ = stream.read(&mut [0u8; 16]).await;
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

/// Answers whatever comes first in plain HTTP, and closes.
pub async fn blurt(mut stream: TcpStream) {
    let _ = stream.read(&mut [0u8; 4096]).await;
    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let _ = stream.shutdown().await;
}

/// Keeps the connection and says nothing.
pub async fn silence(stream: TcpStream) {
    std::future::pending::<()>().await;
    drop(stream);
}

/// A port on which nobody listens.
pub async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// An answer to any HTTP request.
pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\nServer: test\r\nContent-Length: 2\r\n\r\nok";

/// Long enough for loopback under load, short enough to wait for once.
pub const SHORT: Duration = Duration::from_millis(300);
/// Never waited for in full.
pub const LONG: Duration = Duration::from_secs(20);

#[cfg(feature = "media")]
pub mod relay;
