//! The responder's own UDP sockets, which no answer may go to. Knows no socket, but their addresses.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// The responder's own UDP sockets: one bit a port for each address.
#[derive(Clone, Debug, Default)]
pub struct OwnSockets(HashMap<IpAddr, Box<[u64]>>);

impl OwnSockets {
    /// Adds a socket; for a wildcard socket, one call for each of the machine's addresses.
    pub fn insert(&mut self, socket: SocketAddr) {
        let bits = self.0.entry(socket.ip().to_canonical()).or_insert_with(|| vec![0; 1024].into_boxed_slice());
        if let Some(word) = bits.get_mut(usize::from(socket.port() / 64)) {
            *word |= 1 << (socket.port() % 64);
        }
    }

    /// Whether a datagram from `source` was sent by one of them.
    pub fn contains(&self, source: SocketAddr) -> bool {
        let word = self.0.get(&source.ip()).and_then(|bits| bits.get(usize::from(source.port() / 64)));
        word.is_some_and(|w| w >> (source.port() % 64) & 1 == 1)
    }
}
