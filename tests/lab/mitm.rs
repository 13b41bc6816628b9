//! mitmproxy in the router, as a device that inspects TLS: connections to some ports are led to it, and it signs what it
//! shows with an authority of its own.

use std::path::PathBuf;

use rcgen::{CertifiedIssuer, KeyPair};

use crate::namespaces::{Daemon, Lab, Listens, Place};
use crate::pki;

/// Where it listens in the router.
const PORT: u16 = 8080;

/// Starts it for TCP `ports` of whoever the client talks to. Its authority is called `name`; [`authority`] has the
/// certificate. It trusts the lab's root.
#[track_caller]
pub fn mitmproxy(lab: &Lab, name: &str, ports: &[u16]) -> Daemon {
    mitmproxy_with(lab, name, ports, &[])
}

/// One that lets no WebSocket through: it ends the connection behind the upgrade.
#[track_caller]
pub fn without_websockets(lab: &Lab, name: &str, ports: &[u16]) -> Daemon {
    mitmproxy_with(lab, name, ports, &["--set", "websocket=false", "--set", "rawtcp=false"])
}

#[track_caller]
fn mitmproxy_with(lab: &Lab, name: &str, ports: &[u16], more: &[&str]) -> Daemon {
    let dir = lab.dir().join(format!("mitm-{name}"));
    std::fs::create_dir_all(&dir).unwrap();
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let root = CertifiedIssuer::self_signed(pki::authority(name), key).unwrap();
    let both = root.key().serialize_pem() + &root.pem();
    // It takes key and certificate from one file, and its own names for the rest.
    pki::written(&dir, "mitmproxy-ca.pem", &both);
    pki::written(&dir, "authority.pem", &root.pem());
    let mut command = lab.command(Place::Router, "mitmdump");
    command.args(["--mode", "transparent", "--listen-port", &PORT.to_string(), "--set", "termlog_verbosity=info"]);
    command.args(more).arg("--set").arg(format!("confdir={}", dir.display()));
    command.arg("--set").arg(format!("ssl_verify_upstream_trusted_ca={}", lab.pki.root.display()));
    let daemon = lab.start_at(Place::Router, command, &format!("mitmproxy-{name}"), &[Listens::Tcp("0.0.0.0", PORT)]);
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let chain = format!(
        "chain divert {{\ntype nat hook prerouting priority -100; policy accept;\n\
         iifname \"cl0\" tcp dport {{ {} }} redirect to :{PORT}\n}}\n",
        ports.join(", ")
    );
    lab.table(Place::Router, "inet mitm", &chain);
    daemon
}

/// The certificate of the authority that it signs with, for `--ca`.
pub fn authority(lab: &Lab, name: &str) -> PathBuf {
    lab.dir().join(format!("mitm-{name}")).join("authority.pem")
}

/// Leads nothing to it any longer.
pub fn divert_nothing(lab: &Lab) {
    lab.table(Place::Router, "inet mitm", "");
}
