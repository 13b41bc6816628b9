//! Bytes to messages and back. No time, no sockets. Never panics on any input, never allocates what a peer's length
//! field says.

pub mod base64;
pub mod flow;
pub mod ftp;
pub mod grant;
pub mod gre;
pub mod greeting;
pub mod ice;
pub mod ike;
pub mod janus;
pub mod percent;
pub mod recognise;
pub mod rtmp;
pub mod rtsp;
pub mod sip;
pub mod socks;
pub mod ssh;
pub mod stamp;
pub mod stun;
pub mod turn;
