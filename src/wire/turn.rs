//! TURN (RFC 8656): what a client writes and reads, over `stun-rs` for attributes and keys; ChannelData and the framing of
//! a stream by hand, because `stun-rs` has neither. Knows neither time nor sockets.

pub mod frames;
