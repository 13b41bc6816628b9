//! The real binary across a router: client, router and server are three network namespaces, and nftables rules in the
//! router drop, reject or reset. Every test asserts the status and the evidence of every rule. Needs root and network
//! namespaces; without them each test says so on stderr, and fails where `CI=true`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

mod bundle;
mod call;
mod capacity;
mod daemon;
#[path = "../emulator/mod.rs"]
#[allow(dead_code, reason = "the benchmark uses the rest")]
mod emulator;
mod firewall;
mod gre;
#[path = "../harness/mod.rs"]
#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;
mod host;
mod ice;
mod ike;
mod mitm;
mod namespaces;
mod nat;
mod path;
mod pki;
mod platform;
mod possible;
mod proxies;
mod proxy;
mod quality;
mod relay;
mod resolver;
mod resolvers;
mod router;
mod rtmp;
mod rtsp;
mod servers;
mod sip;
mod swapped;
mod tls;
mod trace;
mod valt;
mod ways;
mod wowza;
