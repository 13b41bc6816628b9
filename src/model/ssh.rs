//! What an SSH server offers.

use serde::{Deserialize, Serialize};

/// `observed.ssh_offer`: names of algorithms in the server's order; ciphers and MACs are those towards it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshOffer {
    pub kex: Vec<String>,
    pub host_keys: Vec<String>,
    pub ciphers: Vec<String>,
    pub macs: Vec<String>,
}
