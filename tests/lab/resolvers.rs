//! Resolvers in the lab's server: unbound and dnsmasq, each on an address of its own, and the client's list of them.

use std::fs;
use std::path::PathBuf;

use crate::namespaces::{Daemon, Lab, Listens, Place};
use crate::servers::written;

/// Every name that is not given is unknown, as at a resolver that reaches the root; `lines` go into unbound's `server:`.
pub const UNKNOWN: &str = "local-zone: \".\" static";

/// unbound on port 53 of `address`, with these lines in its `server:` clause: `local-data: "rtc.example. A 198.51.100.10"`.
#[track_caller]
pub fn unbound(lab: &Lab, address: &'static str, lines: &str) -> Daemon {
    let (dir, name) = (lab.dir().display(), format!("unbound-{address}"));
    let text = format!(
        "server:\n username: \"\"\n chroot: \"\"\n directory: \"{dir}\"\n pidfile: \"\"\n use-syslog: no\n logfile: \"\"\n \
         interface: {address}\n access-control: 0.0.0.0/0 allow\n access-control: ::/0 allow\n do-daemonize: no\n \
         num-threads: 1\n module-config: \"iterator\"\n{lines}\nremote-control:\n control-enable: no\n"
    );
    let file = written(lab, &format!("{name}.conf"), &text);
    let mut command = lab.command(Place::Server, "unbound");
    command.args(["-d", "-c", &file]);
    lab.start(command, &name, &[Listens::Udp(address, 53), Listens::Tcp(address, 53)])
}

/// dnsmasq on port 53 of `address`, with these options (`--address=/rtc.example/198.51.100.10`); other names are unknown.
#[track_caller]
pub fn dnsmasq(lab: &Lab, address: &'static str, options: &[&str]) -> Daemon {
    let name = format!("dnsmasq-{address}");
    let mut command = lab.command(Place::Server, "dnsmasq");
    command.args(["--keep-in-foreground", "--user=root", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"]);
    command.args(["--log-facility=-", "--pid-file=", "--bind-interfaces", "--port=53", "--local=/#/"]);
    command.arg(format!("--listen-address={address}")).args(options);
    lab.start(command, &name, &[Listens::Udp(address, 53), Listens::Tcp(address, 53)])
}

/// Makes these the client's resolvers, in this order, and leaves it no name of its own.
pub fn client_asks(lab: &Lab, servers: &[&str]) {
    lab.hosts("127.0.0.1 localhost\n");
    let dir = PathBuf::from("/etc/netns").join(lab.namespace(Place::Client));
    let lines: String = servers.iter().map(|s| format!("nameserver {s}\n")).collect();
    fs::write(dir.join("resolv.conf"), lines).unwrap();
}
