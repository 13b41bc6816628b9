//! `rtc-check bundle --pcap` while another process talks on the same machine, even from the same port: only the packets of
//! our own flows get in. The file is read by a program of its own.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness;
use crate::namespaces::{CLIENT4, Lab, Place, RTC4};

/// Reads a pcap file with nothing but Python, and prints `transport source:port destination:port payload` a line.
const READER: &str = r#"
import struct, sys
data = open(sys.argv[1], "rb").read()
magic, major, minor, zone, sigfigs, longest, link = struct.unpack("<IHHiIII", data[:24])
assert magic == 0xa1b23c4d and (major, minor) == (2, 4) and link == 101, (hex(magic), major, minor, link)
at = 24
while at < len(data):
    seconds, nanos, kept, length = struct.unpack("<IIII", data[at:at + 16])
    packet = data[at + 16:at + 16 + kept]
    assert len(packet) == kept <= length and nanos < 10**9
    at += 16 + kept
    if packet[0] >> 4 != 4:
        print("other", packet.hex()); continue
    header = (packet[0] & 15) * 4
    ends = [".".join(map(str, packet[n:n + 4])) for n in (12, 16)]
    ports = struct.unpack(">HH", packet[header:header + 4])
    print(packet[9], "%s:%d" % (ends[0], ports[0]), "%s:%d" % (ends[1], ports[1]), packet[header:].hex())
"#;

fn read(file: &Path) -> Vec<String> {
    let output = Command::new("python3").args(["-c", READER]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Another program of the machine: sends the same words to both ports of the server until it is told to stop.
fn talks(lab: &Lab, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<usize> {
    let sockets: Vec<UdpSocket> =
        lab.within(Place::Client, || (0..4).map(|_| UdpSocket::bind((CLIENT4, 0)).unwrap()).collect());
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        let to: Vec<SocketAddr> = [3478, 19_100].map(|port| SocketAddr::new(RTC4.parse().unwrap(), port)).into();
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            sent +=
                sockets.iter().flat_map(|s| to.iter().map(move |to| s.send_to(b"SOMEBODY ELSE", to))).flatten().count();
            std::thread::park_timeout(Duration::from_millis(2));
        }
        sent
    })
}

#[test]
fn only_packets_of_our_own_flows_are_captured() {
    let Some(lab) = Lab::up() else { return };
    fs::write(lab.dir().join("stun.toml"), harness::STUN_PROFILE).unwrap();
    // Who answers on the server: what it is sent, as it came; to us that is no answer, but a packet.
    let echo = lab.within(Place::Server, || UdpSocket::bind((RTC4, 3478)).unwrap());
    echo.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&stop);
    let echoing = std::thread::spawn(move || {
        let mut buf = [0; 2048];
        while !ends.load(Ordering::Relaxed) {
            if let Ok((len, from)) = echo.recv_from(&mut buf) {
                let _ = echo.send_to(&buf[..len], from);
            }
        }
    });
    let talking = talks(&lab, &stop);
    let mut command = lab.command(Place::Client, env!("CARGO_BIN_EXE_rtc-check"));
    command.args(["bundle", "--pcap", "--profile", "stun.toml", "--target", &format!("stun={RTC4}"), "--no-trace"]);
    command.args(["--skip", "quality,bandwidth,nat,ice,call,path,resolver,turn", "--output", "b.tar.gz"]);
    let made = harness::run(command);
    stop.store(true, Ordering::Relaxed);
    echoing.join().unwrap();
    assert!(talking.join().unwrap() > 100, "the other program hardly talked");
    assert!(made.stdout.contains("flows.pcap"), "{}\n{}", made.stdout, made.stderr);
    let tar = Command::new("tar").args(["xzf", "b.tar.gz", "--strip-components=1"]).current_dir(lab.dir()).status();
    assert!(tar.unwrap().success());
    let packets = read(&lab.dir().join("flows.pcap"));
    let others: String = b"SOMEBODY ELSE".iter().map(|b| format!("{b:02x}")).collect();
    assert!(packets.iter().all(|p| !p.contains(&others)), "another program's packet: {packets:#?}");
    let to_server =
        packets.iter().filter(|p| p.starts_with("17 192.0.2.2:") && p.contains(" 198.51.100.10:3478 ")).count();
    let from_server = packets.iter().filter(|p| p.starts_with("17 198.51.100.10:3478 192.0.2.2:")).count();
    assert!(to_server > 0 && from_server > 0, "our own packets both ways: {packets:#?}");
    // The magic cookie of STUN (RFC 8489 section 5) stands in each.
    assert!(packets.iter().filter(|p| p.starts_with("17 ")).all(|p| p.contains("2112a442")), "{packets:#?}");
}

#[test]
fn without_the_privilege_it_is_refused_with_what_grants_it() {
    let Some(lab) = Lab::up() else { return };
    fs::write(lab.dir().join("stun.toml"), harness::STUN_PROFILE).unwrap();
    let mut command = lab.command(Place::Client, "setpriv");
    command.args(["--bounding-set", "-net_raw", "--inh-caps", "-net_raw", "--"]);
    command.arg(env!("CARGO_BIN_EXE_rtc-check"));
    command.args(["bundle", "--pcap", "--profile", "stun.toml", "--target", &format!("stun={RTC4}")]);
    command.args(["--output", "/dev/null"]);
    harness::run(command).exits(2).says(&["--pcap", "setcap cap_net_raw+ep"]);
}
