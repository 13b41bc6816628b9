//! Resolvers, and web servers that stand in for what a captive portal or a control host is.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::case::Case;
use crate::namespaces::{ACD4, Daemon, Lab, Listens, Place, RTC4};
use crate::pki::Pki;
use crate::servers::written;

/// The usual resolver, beside the home router.
pub const RESOLVER4: &str = "10.9.0.53";

/// The scenario's resolvers; without any, an address at which nobody listens, so that nothing is asked elsewhere.
pub fn configured(case: &Case) -> Vec<String> {
    let none = ["10.9.0.53", "options timeout:1 attempts:1"].map(str::to_owned);
    if case.resolvers.is_empty() { none.into() } else { case.resolvers.clone() }
}

/// Names of the lab as unbound and dnsmasq know them.
const NAMES: [(&str, &str, &str); 4] = [
    ("rtc.lab.test", "198.51.100.10", "2001:db8:2::10"),
    ("control.lab.test", "198.51.100.80", "2001:db8:2::80"),
    ("control.other.test", "198.51.100.80", "2001:db8:2::80"),
    ("portal.lab.test", "198.51.100.80", "2001:db8:2::80"),
];

/// unbound with the lab's names, on 10.9.0.53; `outside` on 198.51.100.53 at the servers; `private` gives rtc.lab.test an inside
/// address, `inside` gives inside.lab.test one.
pub fn unbound(lab: &Lab, how: &[&str]) -> Daemon {
    let (place, address) =
        if how.contains(&"outside") { (Place::Server, "198.51.100.53") } else { (Place::Proxy, RESOLVER4) };
    let private = how.contains(&"private");
    let mut data = String::new();
    for (name, v4, v6) in NAMES.into_iter().filter(|_| !how.contains(&"nothing")) {
        let v4 = if how.contains(&"other") && name == "rtc.lab.test" { "198.51.100.20" } else { v4 };
        let v4 = if private && name == "rtc.lab.test" { "10.9.0.2" } else { v4 };
        data += &format!(" local-data: \"{name}. 60 IN A {v4}\"\n");
        let v4_alone = how.contains(&"v4") || private && name == "rtc.lab.test";
        if !v4_alone {
            data += &format!(" local-data: \"{name}. 60 IN AAAA {v6}\"\n");
        }
    }
    let text = format!(
        "server:\n interface: {address}\n access-control: 0.0.0.0/0 allow\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n \
         directory: \"{dir}\"\n pidfile: \"\"\n use-syslog: no\n logfile: \"\"\n module-config: \"iterator\"\n \
         local-zone: \".\" static\n{data}remote-control:\n control-enable: no\n",
        dir = lab.dir().display()
    );
    let name = format!("unbound-{address}");
    let file = written(lab, &format!("{name}.conf"), &text);
    let mut command = lab.command(place, "unbound");
    command.args(["-d", "-c", &file]);
    lab.start_at(place, command, &name, &[Listens::Udp(address, 53), Listens::Tcp(address, 53)])
}

/// What sends every datagram for 10.9.0.54 on to 10.9.0.53, and every answer back only after so many milliseconds. It lives as
/// long as the process, and its namespace as long as the lab.
pub fn slow(lab: &Lab, ms: u64) -> Vec<Daemon> {
    lab.within(Place::Proxy, move || {
        let socket = std::sync::Arc::new(UdpSocket::bind("10.9.0.54:53").unwrap());
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let (question, back) = (buffer[..length].to_vec(), socket.clone());
                std::thread::spawn(move || {
                    let to = UdpSocket::bind("10.9.0.54:0")?;
                    to.set_read_timeout(Some(Duration::from_secs(2)))?;
                    to.send_to(&question, (RESOLVER4, 53))?;
                    let mut answer = [0; 1500];
                    let length = to.recv(&mut answer)?;
                    // The delay itself is what is wrong here.
                    std::thread::park_timeout(Duration::from_millis(ms));
                    back.send_to(&answer[..length], from)
                });
            }
        });
    });
    Vec::new()
}

/// dnsmasq on 10.9.0.53 with the lab's names; `hijack` answers every other name with 198.51.100.80.
pub fn dnsmasq(lab: &Lab, how: &[&str]) -> Daemon {
    let mut command = lab.command(Place::Proxy, "dnsmasq");
    command.args([
        "--no-daemon",
        "--no-resolv",
        "--no-hosts",
        "--bind-interfaces",
        "--conf-file=/dev/null",
        "--no-negcache",
    ]);
    command.args([&format!("--listen-address={RESOLVER4}"), "--user=root", "--pid-file="]);
    for (name, v4, v6) in NAMES {
        command.args([format!("--host-record={name},{v4},{v6}")]);
    }
    if how.contains(&"hijack") {
        command.arg("--address=/#/198.51.100.80");
    } else {
        command.arg("--address=/#/");
    }
    lab.start_at(Place::Proxy, command, "dnsmasq", &[Listens::Udp(RESOLVER4, 53), Listens::Tcp(RESOLVER4, 53)])
}

/// A control host on 198.51.100.80: a known page over HTTP, and HTTPS.
pub fn web(lab: &Lab) -> Daemon {
    let known = "location = /empty { return 204; } location / { return 200 \"success\\n\"; }";
    server(lab, Place::Server, "web", "198.51.100.80", &lab.pki, known)
}

/// Web servers on port 80 of the two hosts, which send to HTTPS and whose clocks are so many seconds ahead. They live as long
/// as the process.
pub fn ahead(lab: &Lab, seconds: i64) -> Vec<Daemon> {
    lab.within(Place::Server, move || {
        for address in [RTC4, ACD4] {
            let listener = TcpListener::bind((address, 80)).unwrap();
            let answer = move |mut client: TcpStream| {
                let mut request = [0; 2000];
                let _ = client.read(&mut request)?;
                let now = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
                let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT");
                let head =
                    format!("HTTP/1.1 301 Moved Permanently\r\nDate: {date}\r\nLocation: https://{address}/\r\n");
                client.write_all(format!("{head}Content-Length: 0\r\nConnection: close\r\n\r\n").as_bytes())
            };
            std::thread::spawn(move || listener.incoming().flatten().for_each(|client| drop(answer(client))));
        }
    });
    Vec::new()
}

/// A captive portal beside the home router, which sends every page to its own, with a certificate of its own.
pub fn portal(lab: &Lab) -> Daemon {
    let dir = lab.dir().join("portal");
    std::fs::create_dir(&dir).unwrap();
    let own = Pki::new(&dir, &["portal.example"]);
    server(
        lab,
        Place::Proxy,
        "portal",
        "10.9.0.2",
        &own,
        "location /login { return 200 \"<html>Welcome to the hotel's network. Log in.</html>\"; } location / { return 302 http://10.9.0.2/login; }",
    )
}

/// nginx on 80 and 443 of one address.
fn server(lab: &Lab, place: Place, name: &str, address: &str, pki: &Pki, locations: &str) -> Daemon {
    let (dir, chain, key) = (lab.dir().display(), pki.chain.display(), pki.key.display());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|n| format!(" {n}_temp_path {dir}/{name};\n"))
        .concat();
    let text = format!(
        "daemon off; master_process off; user root; pid {dir}/{name}.pid; error_log stderr;\nevents {{ worker_connections 64; }}\n\
         http {{\n access_log off;\n default_type text/html;\n{temporary}\
         server {{ listen {address}:80; listen {address}:443 ssl; ssl_certificate {chain}; ssl_certificate_key {key};\n{locations} }}\n}}\n"
    );
    let file = written(lab, &format!("{name}.conf"), &text);
    let mut command = lab.command(place, "nginx");
    command.args(["-e", "stderr", "-c", &file]);
    let address: &'static str = address.to_owned().leak();
    lab.start_at(place, command, name, &[Listens::Tcp(address, 80), Listens::Tcp(address, 443)])
}
