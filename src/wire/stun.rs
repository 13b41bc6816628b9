//! STUN Binding (RFC 8489), by hand: the responder answers tens of thousands a second without allocating, a client has
//! to read what a sloppy server sends, and both carry an attribute of our own. `stun-rs` reads everything that is
//! written here in the tests; it takes over with TURN.
