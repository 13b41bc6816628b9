//! A receiver of reports on loopback, over plain HTTP or TLS, that answers as its script says and keeps what it was sent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver as Told};
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the receiver does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Status, further header lines, body.
    Status(u16, &'static str, Vec<u8>),
    /// The head of the request comes back as the body.
    Echo(u16),
    /// Nothing, while the client waits.
    Silence,
    /// The connection ends in the middle of the answer's head.
    CutOff,
}

/// 201 without a word.
pub const CREATED: Answer = Answer::Status(201, "", Vec::new());

/// A status alone.
pub fn status(code: u16) -> Answer {
    Answer::Status(code, "", Vec::new())
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: Vec<u8>,
}

impl Request {
    /// The first line without its version: `PUT /in`.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1")
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find_map(|(n, value)| n.eq_ignore_ascii_case(name).then_some(value))
    }
}

pub struct Receiver {
    pub port: u16,
    told: Told<Request>,
}

impl Receiver {
    /// Over plain HTTP; the last answer of the script is repeated.
    pub fn plain(script: impl IntoIterator<Item = Answer>) -> Self {
        Self::new(script, None)
    }

    /// Over TLS, with a certificate of `localhost`; and the authority's PEM.
    pub fn tls(script: impl IntoIterator<Item = Answer>) -> (Self, String) {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "Authority of a test");
        authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        (Self::new(script, Some(Arc::new(config))), issuer.pem())
    }

    fn new(script: impl IntoIterator<Item = Answer>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let script: Vec<Answer> = script.into_iter().collect();
        let script = Arc::new(Mutex::new((script.clone().into_iter(), script.last().cloned().unwrap())));
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, tell, tls) = (Arc::clone(&script), tell.clone(), tls.clone());
                std::thread::spawn(move || {
                    let next = move || {
                        let mut script = script.lock().unwrap();
                        script.0.next().unwrap_or_else(|| script.1.clone())
                    };
                    match tls {
                        None => serve(stream, &tell, next),
                        Some(config) => {
                            let connection = ServerConnection::new(config).unwrap();
                            serve(StreamOwned::<ServerConnection, TcpStream>::new(connection, stream), &tell, next);
                        }
                    }
                });
            }
        });
        Self { port, told }
    }

    /// Waits for a request.
    #[track_caller]
    pub fn next(&self) -> Request {
        self.told.recv_timeout(crate::harness::LIMIT).expect("a request comes")
    }

    /// Every request so far that was not asked for yet.
    pub fn all(&self) -> Vec<Request> {
        self.told.try_iter().collect()
    }
}

fn serve(mut stream: impl Read + Write, tell: &mpsc::Sender<Request>, next: impl FnOnce() -> Answer) {
    let Some(request) = read(&mut stream) else { return };
    let head = request.head.clone();
    let _ = tell.send(request);
    let (status, headers, body) = match next() {
        Answer::Status(status, headers, body) => (status, headers, body),
        Answer::Echo(status) => (status, "", head.into_bytes()),
        Answer::Silence => {
            // Until the client hangs up.
            let _ = stream.read(&mut [0]);
            return;
        }
        Answer::CutOff => {
            let _ = stream.write_all(b"HTTP/1.1 20");
            return;
        }
    };
    let head = format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).and_then(|()| stream.flush());
}

/// A whole request with a length; `None` where the client went before.
fn read(stream: &mut impl Read) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let request = Request { head, body: bytes[end + 4..].to_vec() };
            let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
            if request.body.len() >= length {
                return Some(request);
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
        }
    }
}
