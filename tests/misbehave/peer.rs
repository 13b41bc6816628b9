//! Peers written here, so that they do exactly what a test says: a TCP listener, TLS with an authority of its own, and a
//! relay in front of a real responder.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// Either end of a connection, in plain text or inside TLS.
pub trait Connection: Read + Write {}
impl<T: Read + Write> Connection for T {}

/// Listens on a port of 127.0.0.1 that the kernel chooses, and gives every connection to `peer` on a thread of its own.
pub fn listen(peer: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = Arc::new(peer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let peer = peer.clone();
            std::thread::spawn(move || peer(stream));
        }
    });
    port
}

/// Takes everything, says nothing more, until the other side gives up.
pub fn hold(mut connection: impl Connection) {
    let mut chunk = [0; 4096];
    while connection.read(&mut chunk).is_ok_and(|n| n > 0) {}
}

/// Sends `bytes` over and over, one at a time, until the other side gives up.
pub fn drip(connection: &mut impl Connection, bytes: &[u8]) {
    for byte in bytes.iter().cycle().take(100_000) {
        if connection.write_all(&[*byte]).and_then(|()| connection.flush()).is_err() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A certificate authority in a file.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    root: String,
    dir: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two authorities of one name are something else than an unknown one.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        params.distinguished_name.push(DnType::CommonName, format!("Root {}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = written(&dir, "root.pem", &issuer.pem());
        Self { issuer, root, dir }
    }

    /// The file, for `--ca`.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Files with a certificate for 127.0.0.1 and its key, for `--cert` and `--key`.
    pub fn server_files(&self) -> (String, String) {
        let (leaf, key) = self.leaf("127.0.0.1");
        (written(&self.dir, "leaf.pem", &leaf.pem()), written(&self.dir, "key.pem", &key.serialize_pem()))
    }

    fn leaf(&self, name: &str) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        (leaf, key)
    }

    fn server(&self, name: &str) -> Arc<ServerConfig> {
        let (leaf, key) = self.leaf(name);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap())
    }
}

fn written(dir: &TempDir, name: &str, pem: &str) -> String {
    let path = dir.path().join(name);
    std::fs::write(&path, pem).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A peer that speaks TLS with a good certificate for 127.0.0.1, and then does as `inside` says.
pub fn after_tls(
    authority: &Authority,
    inside: impl Fn(StreamOwned<ServerConnection, TcpStream>) + Send + Sync + 'static,
) -> impl Fn(TcpStream) + Send + Sync + 'static {
    after_tls_as(authority, "127.0.0.1", inside)
}

/// The same with a certificate for `name`.
pub fn after_tls_as(
    authority: &Authority,
    name: &str,
    inside: impl Fn(StreamOwned<ServerConnection, TcpStream>) + Send + Sync + 'static,
) -> impl Fn(TcpStream) + Send + Sync + 'static {
    let config = authority.server(name);
    move |stream| inside(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream))
}

/// The `Sec-WebSocket-Accept` that answers the key in `request` (RFC 6455 section 4.2.2).
pub fn websocket_accept(request: &str) -> String {
    let key =
        request.lines().find_map(|l| l.to_ascii_lowercase().starts_with("sec-websocket-key:").then(|| l[18..].trim()));
    tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.unwrap_or("").as_bytes())
}
