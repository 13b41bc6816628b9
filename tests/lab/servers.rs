//! The servers of the lab: our responder, and the real ones that a platform runs. Each takes its settings from files in
//! the test's directory, stays in the foreground, and is ended with the test.

use std::fs;

use crate::namespaces::{ACD4, ACD6, Daemon, Lab, Listens, Place, RTC4, RTC6};

/// Our responder for `role` of profile `agent`, on `v4` and `v6`: a process for each, because the 10,001 sockets of a
/// role in both families are more than some machines' hard limit on open files.
#[track_caller]
pub fn responder(lab: &Lab, role: &str, v4: &'static str, v6: &'static str) -> [Daemon; 2] {
    [v4, v6].map(|address| serve(lab, role, address, &[]))
}

/// Our responder for holders of `key` alone.
#[track_caller]
pub fn restricted(lab: &Lab, role: &str, address: &'static str, key: &str) -> Daemon {
    serve(lab, role, address, &[("RTC_CHECK_RESPONDER_KEY", key)])
}

/// Our responder for role `rtc` of profile `agent` on one address, with `more` arguments.
#[track_caller]
pub fn limited(lab: &Lab, address: &'static str, more: &[&str]) -> Daemon {
    started(lab, "rtc", address, &[], more)
}

#[track_caller]
fn serve(lab: &Lab, role: &str, address: &'static str, environment: &[(&str, &str)]) -> Daemon {
    started(lab, role, address, environment, &[])
}

#[track_caller]
fn started(lab: &Lab, role: &str, address: &'static str, environment: &[(&str, &str)], more: &[&str]) -> Daemon {
    let mut command = lab.command(Place::Server, env!("CARGO_BIN_EXE_rtc-check"));
    command.args(["serve", "--profile", "agent", "--role", role, "--bind", address]).args(more);
    command.envs(environment.iter().copied());
    command.arg("--cert").arg(&lab.pki.chain).arg("--key").arg(&lab.pki.key);
    let last = if role == "rtc" { 20099 } else { 20000 };
    let wanted = [Listens::Tcp(address, 8089), Listens::Udp(address, last)];
    lab.start(command, &format!("responder-{role}-{address}"), &wanted)
}

/// nginx: 80 redirects to HTTPS on the same host, 443 serves a page.
#[track_caller]
pub fn nginx(lab: &Lab) -> Daemon {
    let (dir, chain, key) = (lab.dir().display(), lab.pki.chain.display(), lab.pki.key.display());
    let temporary: String =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|n| format!(" {n}_temp_path {dir}/nginx;\n")).concat();
    // By address: the relay has others.
    let hosts = [RTC4, ACD4, &format!("[{RTC6}]"), &format!("[{ACD6}]")].map(str::to_owned);
    let listening = |port: &str| hosts.iter().map(|h| format!("listen {h}:{port};\n")).collect::<String>();
    let (plain, secure) = (listening("80"), listening("443 ssl"));
    let file = written(
        lab,
        "nginx.conf",
        &format!(
            "daemon off; master_process off; user root; pid {dir}/nginx.pid; error_log stderr;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n access_log off;\n{temporary}\
             server {{\n{plain}location / {{ return 301 https://$host$request_uri; }} }}\n\
             server {{\n{secure}ssl_certificate {chain}; ssl_certificate_key {key};\n\
             location / {{ return 200 \"the platform's page\\n\"; }} }}\n}}\n"
        ),
    );
    let mut command = lab.command(Place::Server, "nginx");
    command.args(["-e", "stderr", "-c", &file]);
    lab.start(command, "nginx", &[Listens::Tcp(RTC4, 80), Listens::Tcp(RTC6, 80), Listens::Tcp(RTC4, 443)])
}

/// Janus: WSS on 8989, HTTPS API on 8089, admin API on 7889; media ports stay closed until there is a call.
#[track_caller]
pub fn janus(lab: &Lab) -> Daemon {
    janus_with(lab, "", &[])
}

/// The same with `general` settings, each after a comma, and without `more` plugins.
#[track_caller]
pub fn janus_with(lab: &Lab, general: &str, more: &[&str]) -> Daemon {
    let (dir, chain, key) = (lab.dir().display(), lab.pki.chain.display(), lab.pki.key.display());
    let unused = [
        "audiobridge",
        "duktape",
        "lua",
        "nosip",
        "recordplay",
        "sip",
        "streaming",
        "textroom",
        "videocall",
        "videoroom",
        "voicemail",
    ];
    let plugins = unused.iter().chain(more).map(|n| format!("libjanus_{n}.so")).collect::<Vec<_>>().join(",");
    let transports = ["mqtt", "nanomsg", "pfunix", "rabbitmq"].map(|n| format!("libjanus_{n}.so")).join(",");
    written(
        lab,
        "janus.jcfg",
        &format!(
            "general: {{ configs_folder = \"{dir}\", debug_level = 4{general} }}\n\
             media: {{ ipv6 = true, rtp_port_range = \"19099-20099\" }}\n\
             nat: {{ full_trickle = true, ice_enforce_list = \"{RTC4},{RTC6}\" }}\n\
             plugins: {{ disable = \"{plugins}\" }}\ntransports: {{ disable = \"{transports}\" }}\n\
             events: {{ broadcast = false }}\n"
        ),
    );
    let certificates = format!("certificates: {{ cert_pem = \"{chain}\", cert_key = \"{key}\" }}\n");
    let http = "general: { base_path = \"/janus\", http = false, https = true, secure_port = 8089 }\n\
                admin: { admin_base_path = \"/admin\", admin_http = false, admin_https = true, admin_secure_port = 7889 }\n";
    written(lab, "janus.transport.http.jcfg", &format!("{http}{certificates}"));
    let websockets =
        "general: { ws = false, wss = true, wss_port = 8989 }\nadmin: { admin_ws = false, admin_wss = false }\n";
    written(lab, "janus.transport.websockets.jcfg", &format!("{websockets}{certificates}"));
    let mut command = lab.command(Place::Server, "janus");
    command.args([&format!("--configs-folder={dir}"), "--disable-colors"]);
    lab.start(command, "janus", &[Listens::Tcp(RTC6, 8989), Listens::Tcp(RTC6, 8089), Listens::Tcp(RTC6, 7889)])
}

/// coturn as a STUN server on 3478 of the two families.
#[track_caller]
pub fn coturn(lab: &Lab) -> Daemon {
    stun(lab, &[RTC4, RTC6])
}

/// The same on one address.
#[track_caller]
pub fn coturn_on(lab: &Lab, address: &'static str) -> Daemon {
    stun(lab, &[address])
}

#[track_caller]
fn stun(lab: &Lab, addresses: &[&'static str]) -> Daemon {
    let (dir, first) = (lab.dir().display(), addresses[0]);
    let listening: String = addresses.iter().map(|a| format!("listening-ip={a}\n")).collect();
    let file = written(
        lab,
        &format!("coturn-{first}.conf"),
        &format!(
            "listening-port=3478\n{listening}stun-only\nno-tls\nno-dtls\nno-cli\n\
             userdb={dir}/turndb-{first}\npidfile={dir}/turn-{first}.pid\nlog-file=stdout\n"
        ),
    );
    let mut command = lab.command(Place::Server, "turnserver");
    command.args(["-c", &file]);
    let wanted: Vec<Listens> = addresses.iter().map(|a| Listens::Udp(a, 3478)).collect();
    lab.start(command, &format!("coturn-{first}"), &wanted)
}

/// sshd on 22. It insists on /run/sshd, which it gets in a mount namespace of its own.
#[track_caller]
pub fn sshd(lab: &Lab) -> Daemon {
    sshd_with(lab, "")
}

/// The same with more `settings`, a line each.
#[track_caller]
pub fn sshd_with(lab: &Lab, settings: &str) -> Daemon {
    let key = lab.dir().join("ssh_host_key");
    if !key.exists() {
        let mut keygen = lab.command(Place::Server, "ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key);
        assert!(keygen.status().unwrap().success(), "ssh-keygen");
    }
    let key = key.display();
    let file = written(
        lab,
        "sshd.conf",
        &format!("Port 22\nHostKey {key}\nPidFile none\nUsePAM no\nMaxStartups 100\n{settings}"),
    );
    let mut command = lab.command(Place::Server, "sh");
    let script = r#"mount -t tmpfs none /run && mkdir /run/sshd && exec "$(command -v sshd)" -D -e -f "$0""#;
    command.args(["-c", script, &file]);
    lab.start(command, "sshd", &[Listens::Tcp(RTC4, 22), Listens::Tcp(RTC6, 22)])
}

pub fn written(lab: &Lab, name: &str, text: &str) -> String {
    let path = lab.dir().join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}
