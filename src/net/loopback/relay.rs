//! A TURN server on loopback, for the tests alone: over UDP, and over streams by a front that takes frames apart.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use webrtc::turn::auth::{AuthHandler, generate_auth_key};
use webrtc::turn::relay::relay_static::RelayAddressGeneratorStatic;
use webrtc::turn::server::Server;
use webrtc::turn::server::config::{ConnConfig, ServerConfig};
use webrtc_util::vnet::net::Net;

use super::{Served, serve, serve_tls};
use crate::net::tcp::Duplex;
use crate::wire::turn::frames::{Framer, padding};

pub const REALM: &str = "relay.example";
pub const USER: &str = "alice";
pub const PASSWORD: &str = "wonderland-of-relays";

/// A relay; gone when it is dropped.
pub struct Relay {
    pub at: SocketAddr,
    _server: Server,
}

struct OneUser;

impl AuthHandler for OneUser {
    fn auth_handle(&self, username: &str, realm: &str, _: SocketAddr) -> Result<Vec<u8>, webrtc::turn::Error> {
        match username {
            USER => Ok(generate_auth_key(USER, realm, PASSWORD)),
            _ => Err(webrtc::turn::Error::ErrNoSuchUser),
        }
    }
}

/// Over UDP on `bind`; what it relays leaves from 127.0.0.1.
pub async fn udp(bind: &str) -> Option<Relay> {
    let conn = Arc::new(UdpSocket::bind((bind.parse::<IpAddr>().unwrap(), 0)).await.ok()?);
    let at = conn.local_addr().unwrap();
    let relay_addr_generator = Box::new(RelayAddressGeneratorStatic {
        relay_address: [127, 0, 0, 1].into(),
        address: "127.0.0.1".to_owned(),
        net: Arc::new(Net::new(None)),
    });
    let config = ServerConfig {
        conn_configs: vec![ConnConfig { conn, relay_addr_generator }],
        realm: REALM.to_owned(),
        auth_handler: Arc::new(OneUser),
        channel_bind_timeout: Duration::ZERO,
        alloc_close_notify: None,
    };
    Some(Relay { at, _server: Server::new(config).await.unwrap() })
}

/// The relay's front over TCP.
pub async fn tcp(relay: &Relay) -> SocketAddr {
    let at = relay.at;
    serve(move |stream| front(stream, at)).await
}

/// The relay's front over TLS.
pub async fn tls(relay: &Relay, served: Served) -> SocketAddr {
    let at = relay.at;
    serve_tls(served, &[], move |stream| front(stream, at)).await
}

async fn front<S: Duplex>(mut stream: S, relay: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(relay).await.unwrap();
    let (mut framer, mut up, mut down) = (Framer::new(), [0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = stream.read(&mut up) => {
                let Ok(len @ 1..) = read else { return };
                framer.push(&up[..len]);
                while let Some(frame) = framer.next_frame().unwrap() {
                    let _ = socket.send(frame).await;
                }
            }
            Ok(len) = socket.recv(&mut down) => {
                let frame = &down[..len];
                let _ = stream.write_all(&[frame, padding(frame)].concat()).await;
                let _ = stream.flush().await;
            }
        }
    }
}
