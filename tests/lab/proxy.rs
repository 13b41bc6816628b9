//! An HTTP proxy in the server's namespace that takes CONNECT with a password (RFC 9110 section 9.3.6), and remembers
//! where it was asked to go.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::namespaces::{ACD4, Lab, Place};

const PORT: u16 = 3128;

/// The proxy, on [`ACD4`].
pub struct Connect {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Connect {
    /// Starts one for a user; it lives as long as the test's process, and its namespace as long as the lab.
    pub fn start(lab: &Lab, user: &str, password: &str) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (to, login) = (asked.clone(), format!("Basic {}", base64(format!("{user}:{password}").as_bytes())));
        lab.within(Place::Server, move || {
            let listener = TcpListener::bind((ACD4, PORT)).unwrap();
            std::thread::spawn(move || {
                for client in listener.incoming().flatten() {
                    let (to, login) = (to.clone(), login.clone());
                    std::thread::spawn(move || serve(client, &login, &to));
                }
            });
        });
        Self { asked }
    }

    pub fn url(&self) -> String {
        format!("http://{ACD4}:{PORT}")
    }

    /// Every place that somebody who knew the password wanted to be led to, each once, in order of the alphabet.
    pub fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked.dedup();
        asked
    }
}

fn serve(mut client: TcpStream, login: &str, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut head = Vec::new();
    let mut one = [0];
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut one).ok()? == 1 {
        head.push(one[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.strip_prefix("CONNECT ")?.split_whitespace().next()?.to_owned();
    let is_known = head
        .lines()
        .filter_map(|l| l.split_once(": "))
        .any(|(name, value)| name.eq_ignore_ascii_case("proxy-authorization") && value == login);
    if !is_known {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"lab\"\r\n";
        return client.write_all(format!("{refusal}Content-Length: 0\r\n\r\n").as_bytes()).ok();
    }
    asked.lock().unwrap().push(target.clone());
    let mut server = TcpStream::connect(&target).ok()?;
    client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).ok()?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    let (mut from, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut server, &mut client);
    client.shutdown(std::net::Shutdown::Both).ok()
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits = chunk.iter().chain(&[0; 2]).take(3).fold(0u32, |bits, b| bits << 8 | u32::from(*b));
        let digit = |at: usize| match at <= chunk.len() {
            true => char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]),
            false => '=',
        };
        [0, 1, 2, 3].map(digit)
    };
    bytes.chunks(3).flat_map(group).collect()
}
