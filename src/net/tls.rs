//! TLS with a recording verifier.

/// Trust anchors.
pub struct Trust;
