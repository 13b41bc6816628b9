//! Proxies beside the home router, and what inspects or mends TLS and WebSockets there.

use std::fs;

use crate::namespaces::{Daemon, Lab, Listens, Place, RTC4, finished};
use crate::servers::written;

/// Where they all are.
pub const PROXY4: &str = "10.9.0.2";

/// Squid on 3128: CONNECT everywhere, or `443` only, with `login` (gate, secret), `refuse`d altogether; `names` knows
/// rtc.lab.test and inside.lab.test.
pub fn squid(lab: &Lab, how: &[&str]) -> Daemon {
    let hosts = written(lab, "squid.hosts", "198.51.100.10 rtc.lab.test\n198.51.100.10 inside.lab.test\n");
    let password = written(lab, "squid.password", "gate:$apr1$labsalt0$4cf3Dn7mBKuv6Sm2pGaBs1\n");
    open_to_all(lab, &[&hosts, &password]);
    let mut rules = String::new();
    if how.contains(&"login") {
        let program = ["/usr/lib/squid/basic_ncsa_auth", "/usr/lib/squid3/basic_ncsa_auth"];
        let program = program.into_iter().find(|p| fs::exists(p).unwrap_or(false)).expect("basic_ncsa_auth");
        rules += &format!(
            "auth_param basic program {program} {password}\nauth_param basic children 1\nauth_param basic realm lab\n\
             acl known proxy_auth REQUIRED\nhttp_access deny !known\n"
        );
    }
    if how.contains(&"443") {
        rules += "acl secure port 443\nacl connect method CONNECT\nhttp_access deny connect !secure\n";
    }
    if how.contains(&"refuse") {
        rules += "http_access deny all\n";
    }
    if how.contains(&"idle") {
        rules += "read_timeout 2 seconds\n";
    }
    let text = format!(
        "http_port {PROXY4}:3128\nvisible_hostname proxy.lab\n{rules}http_access allow all\ncache deny all\n\
         access_log none\ncache_log /dev/null\npid_filename none\nhosts_file {hosts}\ndns_nameservers 10.9.0.53\n\
         shutdown_lifetime 1 seconds\nforwarded_for delete\nmax_filedescriptors 512\nconnect_timeout 5 seconds\n"
    );
    let file = written(lab, "squid.conf", &text);
    open_to_all(lab, &[&file]);
    let mut command = lab.command(Place::Proxy, "squid");
    command.args(["-N", "-f", &file]);
    lab.start_at(Place::Proxy, command, "squid", &[Listens::Tcp(PROXY4, 3128)])
}

/// A daemon that gives root up must still read these.
fn open_to_all(lab: &Lab, files: &[&str]) {
    let mut chmod = lab.command(Place::Proxy, "chmod");
    finished(chmod.arg("a+rX").arg(lab.dir()).args(files));
}

/// Dante on 1080: SOCKS5 without a login.
pub fn danted(lab: &Lab) -> Daemon {
    let text = format!(
        "logoutput: stderr\ninternal: {PROXY4} port = 1080\nexternal: up0\nsocksmethod: none\nclientmethod: none\n\
         user.privileged: root\nuser.unprivileged: nobody\n\
         client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\nsocks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n"
    );
    let file = written(lab, "danted.conf", &text);
    let pid = lab.dir().join("danted.pid");
    let mut command = lab.command(Place::Proxy, "danted");
    command.args(["-f", &file, "-p"]).arg(pid);
    lab.start_at(Place::Proxy, command, "danted", &[Listens::Tcp(PROXY4, 1080)])
}

/// HAProxy: `front` cuts connections to the server that are idle for 2 s (the home router leads tcp 8989 to it).
pub fn haproxy(lab: &Lab, how: &str) -> Daemon {
    let text = match how {
        "idle" => format!(
            "defaults\n mode tcp\n timeout connect 3s\n timeout client 2s\n timeout server 2s\n\
             frontend wss\n bind {PROXY4}:8989\n default_backend wss\nbackend wss\n server rtc {RTC4}:8989\n"
        ),
        other => panic!("haproxy has no {other:?}"),
    };
    let file = written(lab, "haproxy.cfg", &format!("global\n maxconn 200\n{text}"));
    let mut command = lab.command(Place::Proxy, "haproxy");
    command.args(["-db", "-f", &file]);
    lab.start_at(Place::Proxy, command, "haproxy", &[Listens::Tcp(PROXY4, 8989)])
}

/// mitmproxy on 8080: `explicit` or `transparent`; with `strip` it takes Upgrade away, with `cut` it hangs up on it,
/// with `answer` it answers by itself, and `unnamed` has an authority whose name says nothing.
pub fn mitmproxy(lab: &Lab, how: &[&str]) -> Daemon {
    let mode = if how.contains(&"transparent") { "transparent" } else { "regular" };
    let confdir = lab.dir().join("mitm");
    fs::create_dir_all(&confdir).unwrap();
    if how.contains(&"unnamed") {
        // An authority whose name says nothing.
        let (ca, key) = (confdir.join("ca.pem"), confdir.join("key.pem"));
        let mut openssl = lab.command(Place::Proxy, "openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/O=Example/CN=Example Root G2",
        ]);
        finished(openssl.arg("-keyout").arg(&key).arg("-out").arg(&ca));
        let both = fs::read_to_string(&key).unwrap() + &fs::read_to_string(&ca).unwrap();
        fs::write(confdir.join("mitmproxy-ca.pem"), both).unwrap();
        fs::copy(&ca, confdir.join("mitmproxy-ca-cert.pem")).unwrap();
    }
    let script = written(lab, "mitm.py", SCRIPT);
    let mut command = lab.command(Place::Proxy, "mitmdump");
    command.env("MITM_HOW", how.join(" ")).env("HOME", lab.dir());
    command.args(["--mode", mode, "--listen-port", "8080", "-s", &script, "--set"]);
    command.arg(format!("confdir={}", confdir.display()));
    command.arg("--set").arg(format!("ssl_verify_upstream_trusted_ca={}", lab.pki.root.display()));
    command.args(["--set", "block_global=false", "--set", "connection_strategy=lazy", "--quiet"]);
    let daemon = lab.start_at(Place::Proxy, command, "mitmproxy", &[Listens::Tcp(PROXY4, 8080)]);
    let roots = fs::read_to_string(&lab.pki.root).unwrap()
        + &fs::read_to_string(confdir.join("mitmproxy-ca-cert.pem")).unwrap();
    written(lab, "trusted.pem", &roots);
    daemon
}

const SCRIPT: &str = r#"
import os
from mitmproxy import http
how = os.environ["MITM_HOW"].split()

def request(flow):
    if "strip" in how:
        for name in ("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol"):
            flow.request.headers.pop(name, None)
    if "cut" in how and "Upgrade" in flow.request.headers:
        flow.kill()
    if "answer" in how:
        flow.response = http.Response.make(403, b"<html><h1>Blocked by policy</h1></html>", {"Content-Type": "text/html"})
"#;
