//! The servers that a scenario names: a word, and words of its own after it.

use crate::case::Case;
use crate::namespaces::{ACD4, ACD6, Daemon, ICE4, ICE6, Lab, Listens, Place, RTC4, RTC6};
use crate::servers::{coturn, coturn_on, janus, limited, nginx, responder, sshd, written};
use crate::{ike, proxies, resolvers};

/// Programs by the server's word; what is not here needs none.
const PROGRAMS: [(&str, &str); 15] = [
    ("nginx", "nginx"),
    ("portal", "nginx"),
    ("web", "nginx"),
    ("janus", "janus"),
    ("coturn", "turnserver"),
    ("relay", "turnserver"),
    ("sshd", "sshd"),
    ("kamailio", "kamailio"),
    ("charon", "/usr/lib/ipsec/charon"),
    ("squid", "squid"),
    ("danted", "danted"),
    ("haproxy", "haproxy"),
    ("mitmproxy", "mitmdump"),
    ("unbound", "unbound"),
    ("dnsmasq", "dnsmasq"),
];

/// What must be installed for `case`.
pub fn programs(case: &Case) -> Vec<&'static str> {
    let first = |words: &String| words.split(' ').next().unwrap_or("").to_owned();
    let program = |word: String| PROGRAMS.iter().find(|(w, _)| *w == word).map(|(_, program)| *program);
    let mut programs: Vec<_> = case.servers.iter().map(first).filter_map(program).collect();
    if case.at.values().any(|fault| fault.run.iter().any(|line| line.contains("tc "))) {
        programs.push("tc");
    }
    programs
}

/// Starts what `words` name and waits until it listens.
pub fn start(lab: &Lab, words: &str) -> Vec<Daemon> {
    let words: Vec<&str> = words.split(' ').collect();
    match words[..] {
        ["responder"] => responder(lab, "rtc", RTC4, RTC6).into(),
        ["responder", "4"] => vec![limited(lab, RTC4, &[])],
        ["responder", "6"] => vec![limited(lab, RTC6, &[])],
        ["responder", "acd"] => responder(lab, "acd", ACD4, ACD6).into(),
        ["serve", profile, role, ref more @ ..] => vec![serve(lab, profile, role, more)],
        ["nginx"] => vec![nginx(lab)],
        ["janus"] => vec![janus(lab)],
        ["coturn"] => vec![coturn(lab)],
        ["coturn", "acd"] => vec![coturn_on(lab, ACD4)],
        ["slow-resolver", ms] => resolvers::slow(lab, ms.parse().expect("milliseconds")),
        ["relay"] => vec![relay(lab)],
        ["sshd"] => vec![sshd(lab)],
        ["charon"] => vec![ike::charon(lab, true)],
        ["kamailio"] => vec![kamailio(lab)],
        ["squid", ref how @ ..] => vec![proxies::squid(lab, how)],
        ["danted"] => vec![proxies::danted(lab)],
        ["haproxy", how] => vec![proxies::haproxy(lab, how)],
        ["mitmproxy", ref how @ ..] => vec![proxies::mitmproxy(lab, how)],
        ["unbound", ref how @ ..] => vec![resolvers::unbound(lab, how)],
        ["dnsmasq", ref how @ ..] => vec![resolvers::dnsmasq(lab, how)],
        ["web"] => vec![resolvers::web(lab)],
        ["clock-ahead", seconds] => resolvers::ahead(lab, seconds.parse().expect("seconds")),
        ["portal"] => vec![resolvers::portal(lab)],
        _ => panic!("there is no server {words:?}"),
    }
}

/// Our responder for `role` of a built-in profile on the address of that role, in IPv4.
fn serve(lab: &Lab, profile: &str, role: &str, more: &[&str]) -> Daemon {
    let mut command = lab.command(Place::Server, env!("CARGO_BIN_EXE_rtc-check"));
    command.args(["serve", "--profile", profile, "--role", role, "--bind", RTC4]).args(more);
    command.arg("--cert").arg(&lab.pki.chain).arg("--key").arg(&lab.pki.key);
    lab.start(command, &format!("serve-{profile}"), &[Listens::Tcp(RTC4, 443)])
}

/// coturn as a relay over UDP, TCP and TLS on 3478, 80 and 443 of two addresses a family; user `caller`, password `secret`.
fn relay(lab: &Lab) -> Daemon {
    let (dir, chain, key) = (lab.dir().display(), lab.pki.chain.display(), lab.pki.key.display());
    let listening =
        [ICE4, crate::namespaces::ALT4, ICE6, crate::namespaces::ALT6].map(|a| format!("listening-ip={a}\n")).concat();
    let also = [ICE4, &format!("[{ICE6}]")].map(|a| format!("aux-server={a}:80\naux-server={a}:443\n")).concat();
    let login = "lt-cred-mech\nuser=caller:secret\nrealm=lab.example";
    let text = format!(
        "{listening}{also}relay-ip={ICE4}\nrelay-ip={ICE6}\nmin-port=19099\nmax-port=20099\ncert={chain}\npkey={key}\n\
         {login}\nno-cli\nuserdb={dir}/relaydb\npidfile={dir}/relay.pid\nlog-file=stdout\nsimple-log\n"
    );
    let file = written(lab, "relay.conf", &text);
    let mut command = lab.command(Place::Server, "turnserver");
    command.args(["-c", &file]);
    lab.start(command, "relay", &[Listens::Udp(ICE4, 3478), Listens::Udp(ICE6, 443), Listens::Tcp(ICE4, 443)])
}

/// Kamailio: SIP over UDP and TCP on 5099 of both families.
fn kamailio(lab: &Lab) -> Daemon {
    let listening =
        [RTC4, &format!("[{RTC6}]")].map(|a| format!("listen=udp:{a}:5099\nlisten=tcp:{a}:5099\n")).concat();
    let modules = ["sl", "pv", "textops"].map(|m| format!("loadmodule \"{m}.so\"\n")).concat();
    let route = "request_route { if (is_method(\"OPTIONS\")) { sl_send_reply(\"200\", \"Here\"); exit; } sl_send_reply(\"405\", \"No\"); }";
    let file = written(
        lab,
        "kamailio.cfg",
        &format!("#!KAMAILIO\ndebug=1\nlog_stderror=yes\nchildren=1\n{listening}{modules}{route}\n"),
    );
    let mut command = lab.command(Place::Server, "kamailio");
    command
        .args(["-DD", "-E", "-m", "32", "-M", "4", "-Y"])
        .arg(lab.dir())
        .arg("-P")
        .arg(lab.dir().join("kamailio.pid"));
    command.args(["-f", &file]);
    lab.start(command, "kamailio", &[Listens::Udp(RTC4, 5099), Listens::Udp(RTC6, 5099)])
}
