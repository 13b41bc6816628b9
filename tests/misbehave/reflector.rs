//! Reflectors that lie: a relay before a real responder that changes, doubles, invents or withholds its replies. Nothing
//! that did not happen makes a verdict better, and nothing that a liar says makes the run crash.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::harness::{Check, Report, Started, binary};
use crate::peer::Authority;
use crate::relayed::{GATEWAY, PAGE, Responder, own_address};

/// The one media port that is used.
const MEDIA: u16 = 31020;

/// Where a reply's fields are (RFC 8762 section 4.3.1): what the reflector numbers and stamps itself, and of the request.
const SENT: usize = 4;
const SESSION: usize = 14;
const RECEIVED: usize = 16;
const REQUEST: usize = 24;
/// Behind the base packet.
const EXTENSIONS: usize = 44;

/// Changes the `index`th reply into those that are sent in its place.
type Lie = dyn FnMut(u32, Vec<u8>) -> Vec<Vec<u8>> + Send;

/// Puts a relay that tells `lie` before `responder`, on an address of its own with the same ports.
fn relay(responder: &Responder, lie: Box<Lie>) -> Ipv4Addr {
    let address = own_address();
    for port in [PAGE, GATEWAY] {
        pass_on((address, port).into(), (responder.address, port).into());
    }
    let near = UdpSocket::bind((address, MEDIA)).unwrap();
    let (responder, lie) = (responder.address, Arc::new(Mutex::new((0, lie))));
    std::thread::spawn(move || {
        let mut clients: HashMap<SocketAddr, UdpSocket> = HashMap::new();
        let mut datagram = [0; 2048];
        while let Ok((n, client)) = near.recv_from(&mut datagram) {
            let far = clients.entry(client).or_insert_with(|| {
                let far = UdpSocket::bind("127.0.0.1:0").unwrap();
                far.connect((responder, MEDIA)).unwrap();
                answer(near.try_clone().unwrap(), client, far.try_clone().unwrap(), lie.clone());
                far
            });
            let _ = far.send(&datagram[..n]);
        }
    });
    address
}

/// Gives `client` what the lie makes of what `far` says; replies are counted over all clients.
fn answer(near: UdpSocket, client: SocketAddr, far: UdpSocket, lie: Arc<Mutex<(u32, Box<Lie>)>>) {
    std::thread::spawn(move || {
        let mut datagram = [0; 2048];
        while let Ok(n) = far.recv(&mut datagram) {
            let mut guard = lie.lock().unwrap();
            let (index, lie) = &mut *guard;
            for said in lie(*index, datagram[..n].to_vec()) {
                let _ = near.send_to(&said, client);
            }
            *index += 1;
        }
    });
}

/// A relay of TCP that changes nothing.
fn pass_on(from: SocketAddr, to: SocketAddr) {
    let listener = TcpListener::bind(from).unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut server = TcpStream::connect(to).unwrap();
            let (mut up, mut down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut up, &mut server));
            std::thread::spawn(move || std::io::copy(&mut down, &mut client));
        }
    });
}

/// Starts rtc-check for quality and bandwidth at the relay.
fn start(authority: &Authority, relay: Ipv4Addr) -> Started {
    let mut command = binary();
    command.args([
        "--profile",
        "user",
        "--only",
        "quality,bandwidth",
        "--duration",
        "4",
        "--format",
        "json",
        "--quiet",
    ]);
    command.args(["--target", &format!("rtc={relay}"), "--ca", authority.root()]);
    for port in ["rtc.https=30443", "rtc.gateway=30989", &format!("rtc.media={MEDIA}")] {
        command.args(["--port", port]);
    }
    Started::new(command)
}

/// What rtc-check says of a reflector that tells `lie`; it must leave with one of `exits`.
#[track_caller]
fn told(lie: impl FnMut(u32, Vec<u8>) -> Vec<Vec<u8>> + Send + 'static, exits: &[i32]) -> (Report, String) {
    let authority = Authority::new();
    let responder = Responder::start(&authority);
    let relay = relay(&responder, Box::new(lie));
    let run = start(&authority, relay).finish();
    assert!(run.code.is_some_and(|code| exits.contains(&code)), "exit {:?}: {}\n{}", run.code, run.stdout, run.stderr);
    let report = run.says(&[]).report();
    sane(report.quality(&relay.to_string()));
    (report, relay.to_string())
}

/// No figure is one that cannot be.
#[track_caller]
fn sane(quality: Check<'_>) {
    let rtt = &quality.seen("rtt_ms")["min"];
    assert!(rtt.is_null() || rtt.as_f64() >= Some(0.0), "{quality}");
    for share in ["loss_pct", "loss_up_pct", "loss_down_pct"] {
        let value = quality.seen(share);
        assert!(value.is_null() || value.as_f64().is_some_and(|p| (0.0..=100.0).contains(&p)), "{share}: {quality}");
    }
}

fn add(reply: &mut [u8], at: usize, by: u32) {
    let field: [u8; 4] = reply[at..at + 4].try_into().unwrap();
    reply[at..at + 4].copy_from_slice(&u32::from_be_bytes(field).wrapping_add(by).to_be_bytes());
}

#[test]
fn a_relay_that_tells_the_truth_passes() {
    let (report, relay) = told(|_, reply| vec![reply], &[0]);
    let quality = report.quality(&relay).is("pass");
    assert_eq!(quality.number("loss_pct"), 0.0, "{quality}");
}

#[test]
fn answers_to_packets_never_sent_are_none() {
    let far_off = |_, mut reply: Vec<u8>| {
        add(&mut reply, REQUEST, 1_000_000);
        vec![reply]
    };
    // Fifty packets are a second: these answers come before their questions.
    let too_early = |_, mut reply: Vec<u8>| {
        add(&mut reply, REQUEST, 200);
        vec![reply]
    };
    for (report, relay) in [told(far_off, &[1, 3]), told(too_early, &[1, 3])] {
        assert_ne!(report.quality(&relay).status(), "pass", "{report}");
        assert_ne!(report.bandwidth(&relay, "audio").status(), "pass", "{report}");
    }
}

#[test]
fn invented_answers_do_not_make_up_for_lost_ones() {
    let lie = |index: u32, mut reply: Vec<u8>| {
        if index.is_multiple_of(5) {
            add(&mut reply, REQUEST, 1_000_000);
        }
        vec![reply]
    };
    let (report, relay) = told(lie, &[1]);
    let quality = report.quality(&relay).is("fail");
    assert!((15.0..25.0).contains(&quality.number("loss_pct")), "{quality}");
}

#[test]
fn doubled_answers_do_not_make_up_for_lost_ones() {
    let lie = |index: u32, reply: Vec<u8>| if index.is_multiple_of(5) { vec![] } else { vec![reply.clone(), reply] };
    let (report, relay) = told(lie, &[1]);
    let quality = report.quality(&relay).is("fail");
    assert!((15.0..25.0).contains(&quality.number("loss_pct")), "{quality}");
    let down = (quality.number("loss_down_pct"), quality.number("duplicated_down"), quality.number("received"));
    assert!((15.0..25.0).contains(&down.0), "{quality}");
    assert_eq!(down.1, down.2, "each came twice: {quality}");
}

#[test]
fn answers_of_another_session_are_none() {
    let lie = |_, mut reply: Vec<u8>| {
        reply[SESSION + 1] ^= 1;
        vec![reply]
    };
    let (report, relay) = told(lie, &[1, 3]);
    assert_ne!(report.quality(&relay).status(), "pass", "{report}");
}

#[test]
fn more_time_at_the_far_end_than_there_was_is_not_believed() {
    let lie = |_, mut reply: Vec<u8>| {
        add(&mut reply, SENT, 10);
        vec![reply]
    };
    let (report, relay) = told(lie, &[0, 1, 3]);
    let quality = report.quality(&relay);
    assert!(quality.warns_of("clock") || quality.warns_of("times that cannot be"), "{quality}");
    assert_ne!(quality.limit("rtt_ms")["status"], "fail", "{quality}");
}

#[test]
fn a_far_clock_that_steps_back_an_hour_fails_nothing() {
    let lie = |index: u32, mut reply: Vec<u8>| {
        if index > 100 {
            add(&mut reply, SENT, 0_u32.wrapping_sub(3600));
            add(&mut reply, RECEIVED, 0_u32.wrapping_sub(3600));
        }
        vec![reply]
    };
    let (report, relay) = told(lie, &[0, 3]);
    let quality = report.quality(&relay);
    assert!(quality.warns_of("clock"), "{quality}");
    for metric in ["rtt_ms", "jitter_ms", "loss_pct"] {
        assert_ne!(quality.limit(metric)["status"], "fail", "{metric}: {quality}");
    }
}

#[test]
fn answers_longer_than_asked_are_none() {
    let lie = |_, mut reply: Vec<u8>| {
        reply.resize(reply.len() + 400, 0);
        vec![reply]
    };
    let (report, relay) = told(lie, &[1, 3]);
    let quality = report.quality(&relay);
    assert_ne!(quality.status(), "pass", "{quality}");
    assert!(quality.seen("via")["why"].to_string().contains("no replies"), "{quality}");
}

#[test]
fn counts_that_the_replies_contradict_are_told() {
    let lie = |_, mut reply: Vec<u8>| {
        let mut at = EXTENSIONS;
        while let Some([_, kind, high, low]) = reply.get(at..at + 4) {
            let len = usize::from(*high) << 8 | usize::from(*low);
            if *kind == 252 {
                // How many different packets came.
                reply[at + 4 + 12..at + 4 + 16].copy_from_slice(&1_u32.to_be_bytes());
                break;
            }
            at += 4 + len;
        }
        vec![reply]
    };
    let (report, relay) = told(lie, &[0, 1, 3]);
    let quality = report.quality(&relay);
    assert_ne!(quality.status(), "fail", "every packet was answered: {quality}");
    assert!(quality.seen("caveats").as_array().is_some_and(|all| !all.is_empty()), "{quality}");
}

#[test]
fn a_reflector_that_falls_silent_does_not_pass() {
    let lie = |index: u32, reply: Vec<u8>| if index < 100 { vec![reply] } else { vec![] };
    let (report, relay) = told(lie, &[3]);
    let quality = report.quality(&relay).is("unknown");
    assert!(quality.warns_of("nothing came back"), "{quality}");
    assert_ne!(report.bandwidth(&relay, "audio-video").status(), "pass", "{report}");
}

#[test]
fn a_suspended_process_blames_nobody() {
    let authority = Authority::new();
    let responder = Responder::start(&authority);
    let process = Arc::new(AtomicU32::new(0));
    let victim = process.clone();
    let signal = move |name: &str| {
        let told = Command::new("kill").args([name, &victim.load(Ordering::SeqCst).to_string()]).status();
        assert!(told.unwrap().success());
    };
    let relay = relay(
        &responder,
        Box::new(move |index, reply| {
            if index == 100 {
                signal("-STOP");
                std::thread::park_timeout(Duration::from_millis(1500));
                signal("-CONT");
            }
            vec![reply]
        }),
    );
    let started = start(&authority, relay);
    process.store(started.id(), Ordering::SeqCst);
    let run = started.finish();
    let report = run.says(&[]).report();
    assert!([Some(0), Some(3)].contains(&run.code), "exit {:?}: {report}", run.code);
    let quality = report.quality(&relay.to_string());
    sane(quality);
    assert_ne!(quality.status(), "fail", "{quality}");
    // Of the load under which it happened.
    assert!(quality.value.to_string().contains("this process was suspended"), "{quality}");
}
