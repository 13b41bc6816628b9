//! netemu - a seeded, logging network-path emulator in user space (Linux, std only, one file).
//!
//! Build:  rustc -O --edition 2021 netemu.rs -o netemu        (no crates; libc symbols come with std)
//!
//! Why it exists: a kernel without sch_netem can drop (nft numgen) and rate-limit (tbf) but cannot
//! delay, jitter, reorder or duplicate.  netemu does all of these between two ends, and writes down
//! what it did to every single packet, so that a measuring tool can be judged against the truth
//! instead of against a nominal setting.
//!
//!     netemu --a END --b END [--ab IMPAIR] [--ba IMPAIR] [--both IMPAIR] [options]
//!
//! END - where packets come from and go to (A and B may be of different kinds):
//!   tun:NS:IF:ADDR/PLEN     create TUN device IF in network namespace NS ('-' = the current one) and
//!                           give it ADDR/PLEN.  The simplest and the default choice: any IP protocol
//!                           passes, the kernel has filled in every checksum, no GSO super-packets.
//!   pkt:NS:IF               bridge raw frames of the existing interface IF in NS (AF_PACKET).  Uses the
//!                           kernel's receive timestamp, so time spent waiting for this process does
//!                           not add to the delay.  On the two far ends of the veth pairs run
//!                           `ethtool -K IF tx off tso off gso off gro off` first.
//!   udp-listen:NS:IP:PORT   a UDP socket; the last sender seen is the peer (relay without a TUN).
//!   udp-to:NS:IP:PORT       a UDP socket connected to IP:PORT.    (both: kernel receive timestamps)
//!
//! IMPAIR - comma-separated; --ab = packets from A to B, --ba = from B to A, --both = each way:
//!   delay=40ms         constant part of the one-way delay (ns, us, ms, s)
//!   jitter=5ms         scale of the random part        dist=const|uniform|normal|exp|pareto
//!                        uniform  delay + U(-jitter, +jitter)          sd = jitter/sqrt(3)
//!                        normal   delay + N(0, jitter), cut at 0       sd = jitter
//!                        exp      delay + Exp(mean jitter)             sd = jitter
//!                        pareto   delay + Lomax(alpha 3, mean jitter)  sd = jitter*sqrt(3), heavy tail
//!   corr=0.9           AR(1) correlation of successive packets (dist=normal only)
//!   order=free|fifo    free: jitter may reorder (default); fifo: a packet never overtakes another
//!   reorder=1%:8ms     with this probability hold a packet for this much longer (others overtake it)
//!   loss=1.5%          independent loss
//!   ge=P:R:LB[:LG]     Gilbert-Elliott bursts: P good->bad, R bad->good, loss LB in bad, LG in good
//!                        stationary loss = (P*LB + R*LG)/(P+R), mean bad run = 1/R packets
//!   dup=0.5%           send a second copy at the same time
//!   rate=2mbit         serialise at this rate (bytes counted from the IP header)
//!   queue=100p|64kB    tail-drop limit of the rate's queue (default 1000p)
//!   mtu=1400           silently drop larger IP packets (a path-MTU black hole)
//!   outage=10s:2s      drop everything from 10 s after the first matched packet, for 2 s
//!   comp=30us          take this off every delay (to cancel the fixed cost of the path, if wanted)
//!
//! Options:
//!   --match SPEC       any (default) | udp | tcp | icmp, optionally :LO-HI (source or destination
//!                      port).  Other packets pass at once, neither counted nor logged.
//!   --seed N           default 1.  Every decision is a pure function of (seed, direction, index of
//!                      the packet among the matched ones), never of time: the same packets in the
//!                      same order meet the same fate in every run.  (Only order=fifo, rate and
//!                      outage also depend on arrival times.)
//!   --duration S       stop after S seconds (default 60; there is always a bound)
//!   --spin US          busy-wait this long before a release instead of sleeping (default 120)
//!   --mtu N            MTU of TUN devices (default 1500)
//!   --cpu N            pin to a CPU          --rt  SCHED_FIFO priority 50
//!   --dry-run N:IV     no network: decide on N packets of 200 bytes a direction, IV (e.g. 20ms) apart, and
//!                      report as if they had passed (checks what a setting means, in milliseconds)
//!   --log FILE         CSV, one line a matched packet (kept in memory, written at the end)
//!   --log-bytes N      add the first N payload bytes (<= 96) in hex, to match packets to a tool's log
//!   --summary FILE     JSON totals ('-' = stdout, default)
//!
//! Prints `ready` when both ends are up.  SIGINT/SIGTERM end it early and still write everything.
//!
//! CSV columns:  dir,idx,t_in_ns,t_out_ns,ip_len,proto,sport,dport,verdict,planned_ns,actual_ns,payload
//!   t_* are CLOCK_REALTIME ns; verdict is pass|dup|loss|burst|queue|mtu|outage; planned_ns is the delay
//!   that was drawn (rate queueing included), actual_ns = t_out - t_in, the true delay of that packet (t_out is
//!   taken just before the hand-over to the kernel; the call itself takes `mean_send_call_ns` more).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, BTreeMap};
use std::ffi::{c_char, CString};
use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{exit, Command};
use std::sync::atomic::{AtomicBool, Ordering};

// ------------------------------------------------------------------ the few libc symbols we need
#[repr(C)]
#[derive(Clone, Copy)]
struct Timespec { sec: i64, nsec: i64 }
#[repr(C)]
struct PollFd { fd: i32, events: i16, revents: i16 }
#[repr(C)]
struct IoVec { base: *mut u8, len: usize }
#[repr(C)]
struct MsgHdr { name: *mut u8, namelen: u32, iov: *mut IoVec, iovlen: usize, control: *mut u8, controllen: usize, flags: i32 }
#[repr(C)]
struct SockAddrIn { family: u16, port: u16, addr: u32, zero: [u8; 8] }
#[repr(C)]
struct SockAddrLl { family: u16, protocol: u16, ifindex: i32, hatype: u16, pkttype: u8, halen: u8, addr: [u8; 8] }
extern "C" {
    fn open(path: *const c_char, flags: i32, ...) -> i32;
    fn close(fd: i32) -> i32;
    fn read(fd: i32, buf: *mut u8, n: usize) -> isize;
    fn write(fd: i32, buf: *const u8, n: usize) -> isize;
    fn ioctl(fd: i32, req: u64, ...) -> i32;
    fn setns(fd: i32, nstype: i32) -> i32;
    fn clock_gettime(id: i32, ts: *mut Timespec) -> i32;
    fn ppoll(fds: *mut PollFd, n: u64, ts: *const Timespec, mask: *const u8) -> i32;
    fn prctl(op: i32, a: u64, b: u64, c: u64, d: u64) -> i32;
    fn mlockall(flags: i32) -> i32;
    fn sched_setaffinity(pid: i32, n: usize, mask: *const u64) -> i32;
    fn sched_setscheduler(pid: i32, policy: i32, prio: *const i32) -> i32;
    fn signal(sig: i32, handler: usize) -> usize;
    fn socket(dom: i32, ty: i32, proto: i32) -> i32;
    fn bind(fd: i32, addr: *const u8, len: u32) -> i32;
    fn connect(fd: i32, addr: *const u8, len: u32) -> i32;
    fn setsockopt(fd: i32, level: i32, name: i32, val: *const u8, len: u32) -> i32;
    fn recvmsg(fd: i32, msg: *mut MsgHdr, flags: i32) -> isize;
    fn sendto(fd: i32, buf: *const u8, n: usize, flags: i32, addr: *const u8, alen: u32) -> isize;
    fn if_nametoindex(name: *const c_char) -> u32;
}
const REALTIME: i32 = 0;
const MONOTONIC: i32 = 1;
const NONBLOCK: i32 = 0o4000;
const SOL_SOCKET: i32 = 1;

static STOP: AtomicBool = AtomicBool::new(false);
extern "C" fn on_signal(_: i32) { STOP.store(true, Ordering::Relaxed); }

fn clock(id: i32) -> i64 {
    let mut t = Timespec { sec: 0, nsec: 0 };
    unsafe { clock_gettime(id, &mut t) };
    t.sec * 1_000_000_000 + t.nsec
}
fn die(msg: &str) -> ! {
    eprintln!("netemu: {msg} ({})", std::io::Error::last_os_error());
    exit(2)
}
fn cstr(s: &str) -> CString { CString::new(s).unwrap() }

// ------------------------------------------------------------------ values with units
fn parse_time(s: &str) -> i64 {
    for (u, m) in [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)] {
        if let Some(v) = s.strip_suffix(u) {
            if let Ok(x) = v.parse::<f64>() { return (x * m) as i64; }
        }
    }
    die(&format!("bad time '{s}' (want e.g. 40ms)"))
}
fn parse_prob(s: &str) -> f64 {
    let p = match s.strip_suffix('%') {
        Some(v) => v.parse::<f64>().map(|x| x / 100.0),
        None => s.parse::<f64>(),
    };
    match p { Ok(x) if (0.0..=1.0).contains(&x) => x, _ => die(&format!("bad probability '{s}'")) }
}
fn parse_rate(s: &str) -> f64 {
    for (u, m) in [("gbit", 1e9), ("mbit", 1e6), ("kbit", 1e3), ("bit", 1.0)] {
        if let Some(v) = s.strip_suffix(u) {
            if let Ok(x) = v.parse::<f64>() { if x > 0.0 { return x * m; } }
        }
    }
    die(&format!("bad rate '{s}' (want e.g. 2mbit)"))
}

// ------------------------------------------------------------------ counter-based random numbers
/// SplitMix64's finaliser over (seed, direction, packet index, draw number): no state, no order.
fn draw(seed: u64, dir: u64, idx: u64, k: u64) -> u64 {
    let mut z = seed
        .wrapping_mul(0xD1342543DE82EF95)
        .wrapping_add(dir.wrapping_mul(0xA24BAED4963EE407))
        .wrapping_add(idx.wrapping_mul(0x9E3779B97F4A7C15))
        .wrapping_add(k.wrapping_mul(0x8CB92BA72F3D8DD7));
    for _ in 0..2 {
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D049BB133111EB);
        z ^= z >> 31;
    }
    z
}
fn unit(x: u64) -> f64 { (x >> 11) as f64 / (1u64 << 53) as f64 }

// ------------------------------------------------------------------ impairments of one direction
#[derive(Clone, Copy, PartialEq, Debug)]
enum Dist { Const, Uniform, Normal, Exp, Pareto }
#[derive(Clone, Debug)]
struct Impair {
    delay: i64, jitter: i64, dist: Dist, corr: f64, fifo: bool,
    reorder: f64, reorder_by: i64, loss: f64, ge: Option<[f64; 4]>, dup: f64,
    rate: f64, queue_pkts: usize, queue_bytes: usize, mtu: usize, outage: Option<(i64, i64)>, comp: i64,
}
impl Impair {
    fn new() -> Self {
        Impair { delay: 0, jitter: 0, dist: Dist::Const, corr: 0.0, fifo: false, reorder: 0.0, reorder_by: 0,
                 loss: 0.0, ge: None, dup: 0.0, rate: 0.0, queue_pkts: 1000, queue_bytes: usize::MAX,
                 mtu: usize::MAX, outage: None, comp: 0 }
    }
    fn apply(&mut self, spec: &str) {
        for kv in spec.split(',').filter(|x| !x.is_empty()) {
            let (k, v) = kv.split_once('=').unwrap_or_else(|| die(&format!("bad impairment '{kv}'")));
            match k {
                "delay" => self.delay = parse_time(v),
                "jitter" => { self.jitter = parse_time(v); if self.dist == Dist::Const { self.dist = Dist::Uniform } }
                "dist" => self.dist = match v {
                    "const" => Dist::Const, "uniform" => Dist::Uniform, "normal" => Dist::Normal,
                    "exp" => Dist::Exp, "pareto" => Dist::Pareto, _ => die(&format!("bad dist '{v}'")) },
                "corr" => self.corr = parse_prob(v),
                "order" => self.fifo = match v { "fifo" => true, "free" => false, _ => die("order=free|fifo") },
                "reorder" => { let (p, t) = v.split_once(':').unwrap_or((v, "5ms"));
                               self.reorder = parse_prob(p); self.reorder_by = parse_time(t) }
                "loss" => self.loss = parse_prob(v),
                "ge" => { let f: Vec<f64> = v.split(':').map(parse_prob).collect();
                          if f.len() < 2 { die("ge=P:R[:LB[:LG]]") }
                          self.ge = Some([f[0], f[1], *f.get(2).unwrap_or(&1.0), *f.get(3).unwrap_or(&0.0)]) }
                "dup" => self.dup = parse_prob(v),
                "rate" => self.rate = parse_rate(v),
                "queue" => if let Some(n) = v.strip_suffix('p') {
                        self.queue_pkts = n.parse().unwrap_or_else(|_| die("bad queue"));
                    } else {
                        let (n, m) = v.strip_suffix("kB").map(|n| (n, 1000)).unwrap_or((v, 1));
                        self.queue_bytes = n.parse::<usize>().unwrap_or_else(|_| die("bad queue")) * m;
                        self.queue_pkts = usize::MAX;
                    },
                "mtu" => self.mtu = v.parse().unwrap_or_else(|_| die("bad mtu")),
                "outage" => { let (s, d) = v.split_once(':').unwrap_or_else(|| die("outage=START:LENGTH"));
                              self.outage = Some((parse_time(s), parse_time(d))) }
                "comp" => self.comp = parse_time(v),
                _ => die(&format!("unknown impairment '{k}'")),
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Verdict { Pass, Dup, Loss, Burst, Queue, Mtu, Outage }
impl Verdict {
    fn name(self) -> &'static str {
        match self { Verdict::Pass => "pass", Verdict::Dup => "dup", Verdict::Loss => "loss", Verdict::Burst => "burst",
                     Verdict::Queue => "queue", Verdict::Mtu => "mtu", Verdict::Outage => "outage" }
    }
}

/// What changes while packets pass in one direction.
struct Dir {
    imp: Impair, seed: u64, id: u64, idx: u64,
    bad: bool,            // Gilbert-Elliott state
    ar: f64,              // last AR(1) value
    link_free: i64,       // when the emulated link has sent everything accepted so far
    in_queue: BinaryHeap<Reverse<(i64, usize)>>, // departures from the rate queue not yet due
    queued_bytes: usize, last_release: i64, first_in: i64,
}
impl Dir {
    fn new(imp: Impair, seed: u64, id: u64) -> Self {
        Dir { imp, seed, id, idx: 0, bad: false, ar: 0.0, link_free: 0, in_queue: BinaryHeap::new(), queued_bytes: 0,
              last_release: 0, first_in: 0 }
    }
    /// Decide one packet's fate.  Returns (index, verdict, release time, duplicate?).
    fn decide(&mut self, t_in: i64, len: usize) -> (u64, Verdict, i64, bool) {
        let (idx, im) = (self.idx, &self.imp);
        self.idx += 1;
        if idx == 0 { self.first_in = t_in }
        let u = |k: u64| unit(draw(self.seed, self.id, idx, k));
        // all draws are made at fixed numbers, so no decision shifts another's randomness
        if let Some([p, r, lb, lg]) = im.ge {
            let x = u(1);
            self.bad = if self.bad { x >= r } else { x < p };
            if u(2) < if self.bad { lb } else { lg } { return (idx, Verdict::Burst, 0, false) }
        }
        if u(0) < im.loss { return (idx, Verdict::Loss, 0, false) }
        if len > im.mtu { return (idx, Verdict::Mtu, 0, false) }
        if let Some((s, d)) = im.outage {
            let at = t_in - self.first_in;
            if at >= s && at < s + d { return (idx, Verdict::Outage, 0, false) }
        }
        let mut at = t_in;
        if im.rate > 0.0 {
            while let Some(&Reverse((due, n))) = self.in_queue.peek() {
                if due > t_in { break }
                self.in_queue.pop();
                self.queued_bytes -= n;
            }
            if self.in_queue.len() >= im.queue_pkts || self.queued_bytes + len > im.queue_bytes {
                return (idx, Verdict::Queue, 0, false);
            }
            self.link_free = self.link_free.max(t_in) + (len as f64 * 8e9 / im.rate) as i64;
            at = self.link_free;
            self.in_queue.push(Reverse((at, len)));
            self.queued_bytes += len;
        }
        let j = im.jitter as f64;
        let rnd = match im.dist {
            Dist::Const => 0.0,
            Dist::Uniform => (2.0 * u(3) - 1.0) * j,
            Dist::Exp => -(1.0 - u(3)).ln() * j,
            Dist::Pareto => 2.0 * j * ((1.0 - u(3)).powf(-1.0 / 3.0) - 1.0), // Lomax, alpha 3: mean = scale/2
            Dist::Normal => {
                let n = (-2.0 * (1.0 - u(3)).ln()).sqrt() * (std::f64::consts::TAU * u(4)).cos();
                self.ar = if im.corr > 0.0 && idx > 0 { im.corr * self.ar + (1.0 - im.corr * im.corr).sqrt() * n } else { n };
                self.ar * j
            }
        };
        at += (im.delay + rnd as i64 - im.comp).max(0);
        if u(5) < im.reorder { at += im.reorder_by }
        if im.fifo { at = at.max(self.last_release); self.last_release = at }
        (idx, Verdict::Pass, at, u(6) < im.dup)
    }
}

// ------------------------------------------------------------------ the two ends
enum Kind { Tun, Pkt, UdpListen { peer: Option<[u8; 16]> }, UdpTo }
struct End { fd: i32, kind: Kind, ns: String, ifname: String }

fn enter_ns(ns: &str, home: i32) {
    let fd = if ns == "-" { home } else { unsafe { open(cstr(&format!("/run/netns/{ns}")).as_ptr(), 0) } };
    if fd < 0 || unsafe { setns(fd, 0x4000_0000) } != 0 { die(&format!("cannot enter network namespace '{ns}'")) }
    if ns != "-" { unsafe { close(fd) }; }
}
fn ip(args: &[&str]) {
    match Command::new("ip").args(args).status() { Ok(s) if s.success() => {}, _ => die(&format!("ip {} failed", args.join(" "))) }
}
fn set_opt(fd: i32, level: i32, name: i32, val: i32) -> i32 {
    unsafe { setsockopt(fd, level, name, &val as *const i32 as *const u8, 4) }
}
fn sockaddr(ip: &str, port: &str) -> SockAddrIn {
    let a: Ipv4Addr = ip.parse().unwrap_or_else(|_| die(&format!("bad IPv4 address '{ip}'")));
    let p: u16 = port.parse().unwrap_or_else(|_| die(&format!("bad port '{port}'")));
    SockAddrIn { family: 2, port: p.to_be(), addr: u32::from_ne_bytes(a.octets()), zero: [0; 8] }
}
impl End {
    fn open(spec: &str, mtu: usize, home: i32) -> End {
        let f: Vec<&str> = spec.splitn(4, ':').collect();
        if f.len() < 3 { die(&format!("bad end '{spec}'")) }
        let (ns, name) = (f[1].to_string(), f[2].to_string());
        enter_ns(&ns, home);
        let sz = std::mem::size_of::<SockAddrIn>() as u32;
        let end = match f[0] {
            "tun" => unsafe {
                let fd = open(c"/dev/net/tun".as_ptr(), 2 | NONBLOCK);
                if fd < 0 { die("/dev/net/tun") }
                let mut ifr = [0u8; 40];
                ifr[..name.len().min(15)].copy_from_slice(&name.as_bytes()[..name.len().min(15)]);
                ifr[16..18].copy_from_slice(&(0x0001u16 | 0x1000).to_ne_bytes()); // IFF_TUN | IFF_NO_PI
                if ioctl(fd, 0x4004_54ca, ifr.as_mut_ptr()) != 0 { die(&format!("cannot create {name}")) }
                // no router solicitations etc.: they would count as packets
                let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}/addr_gen_mode"), "1");
                ip(&["addr", "add", f.get(3).unwrap_or_else(|| die("tun needs ADDR/PLEN")), "dev", &name]);
                ip(&["link", "set", &name, "mtu", &mtu.to_string(), "txqueuelen", "10000", "up"]);
                End { fd, kind: Kind::Tun, ns, ifname: name }
            },
            "pkt" => unsafe {
                let fd = socket(17, 3 | NONBLOCK, (3u16.to_be()) as i32); // AF_PACKET, SOCK_RAW, ETH_P_ALL
                let idx = if_nametoindex(cstr(&name).as_ptr());
                if fd < 0 || idx == 0 { die(&format!("no interface {name}")) }
                let sa = SockAddrLl { family: 17, protocol: 3u16.to_be(), ifindex: idx as i32, hatype: 0, pkttype: 0, halen: 0, addr: [0; 8] };
                if bind(fd, &sa as *const _ as *const u8, 20) != 0 { die("bind AF_PACKET") }
                set_opt(fd, 263, 23, 1); // PACKET_IGNORE_OUTGOING
                set_opt(fd, 263, 20, 1); // PACKET_QDISC_BYPASS
                let mut mreq = [0u8; 16]; // packet_mreq { ifindex, PACKET_MR_PROMISC = 1 }
                mreq[..4].copy_from_slice(&(idx as i32).to_ne_bytes());
                mreq[4..6].copy_from_slice(&1u16.to_ne_bytes());
                setsockopt(fd, 263, 1, mreq.as_ptr(), 16);
                ip(&["link", "set", &name, "promisc", "on", "up"]);
                End { fd, kind: Kind::Pkt, ns, ifname: name }
            },
            "udp-listen" | "udp-to" => unsafe {
                let fd = socket(2, 2 | NONBLOCK, 0);
                let sa = sockaddr(&name, f.get(3).unwrap_or_else(|| die("udp end needs a port")));
                let p = &sa as *const _ as *const u8;
                let listen = f[0] == "udp-listen";
                if fd < 0 || (if listen { bind(fd, p, sz) } else { connect(fd, p, sz) }) != 0 { die(&format!("end {spec}")) }
                End { fd, kind: if listen { Kind::UdpListen { peer: None } } else { Kind::UdpTo }, ns, ifname: String::new() }
            },
            _ => die(&format!("unknown end kind '{}'", f[0])),
        };
        if !matches!(end.kind, Kind::Tun) {
            set_opt(end.fd, SOL_SOCKET, 33, 16 << 20); // SO_RCVBUFFORCE
            set_opt(end.fd, SOL_SOCKET, 32, 16 << 20); // SO_SNDBUFFORCE
            set_opt(end.fd, SOL_SOCKET, 35, 1); // SO_TIMESTAMPNS
        }
        enter_ns("-", home);
        end
    }
    /// One packet, if there is one: (bytes, arrival time on the monotonic clock).
    fn recv(&mut self, buf: &mut [u8]) -> Option<(usize, i64)> {
        if let Kind::Tun = self.kind {
            let n = unsafe { read(self.fd, buf.as_mut_ptr(), buf.len()) };
            return if n > 0 { Some((n as usize, clock(MONOTONIC))) } else { None };
        }
        let (mut addr, mut ctl) = ([0u8; 32], [0u64; 16]);
        let mut iov = IoVec { base: buf.as_mut_ptr(), len: buf.len() };
        let mut m = MsgHdr { name: addr.as_mut_ptr(), namelen: 32, iov: &mut iov, iovlen: 1, control: ctl.as_mut_ptr() as *mut u8, controllen: 128, flags: 0 };
        let n = unsafe { recvmsg(self.fd, &mut m, 0) };
        if n < 0 { return None }
        if let Kind::UdpListen { peer } = &mut self.kind { let mut a = [0u8; 16]; a.copy_from_slice(&addr[..16]); *peer = Some(a) }
        let mono = clock(MONOTONIC);
        let mut t = mono;
        // cmsghdr { len: usize, level: i32, type: i32 } then a timespec; SCM_TIMESTAMPNS = 35
        if m.controllen >= 32 && ctl[1] == ((35u64) << 32 | 1) {
            t = mono - (clock(REALTIME) - (ctl[2] as i64 * 1_000_000_000 + ctl[3] as i64));
        }
        Some((n as usize, t))
    }
    fn send(&self, b: &[u8]) -> bool {
        let n = unsafe {
            match &self.kind {
                Kind::Tun => write(self.fd, b.as_ptr(), b.len()),
                Kind::Pkt | Kind::UdpTo => sendto(self.fd, b.as_ptr(), b.len(), 0, std::ptr::null(), 0),
                Kind::UdpListen { peer: Some(p) } => sendto(self.fd, b.as_ptr(), b.len(), 0, p.as_ptr(), 16),
                Kind::UdpListen { peer: None } => return false,
            }
        };
        n == b.len() as isize
    }
    fn l2(&self) -> usize { if let Kind::Pkt = self.kind { 14 } else { 0 } }
    fn is_udp(&self) -> bool { matches!(self.kind, Kind::UdpListen { .. } | Kind::UdpTo) }
    /// Packets the kernel dropped before this process could read them (TUN queue overflow).
    fn missed(&self, home: i32) -> u64 {
        if !matches!(self.kind, Kind::Tun) { return 0 }
        enter_ns(&self.ns, home);
        let s = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
        enter_ns("-", home);
        s.lines().find_map(|l| l.trim().strip_prefix(&format!("{}:", self.ifname))
            .and_then(|r| r.split_whitespace().nth(11)).and_then(|v| v.parse().ok())).unwrap_or(0)
    }
}

// ------------------------------------------------------------------ looking into packets
#[derive(Clone, Copy, Default)]
struct Flow { proto: u8, sport: u16, dport: u16, pay: usize }
/// Protocol, ports and payload offset of an IP packet (None: not IP, or too short).
fn parse(b: &[u8]) -> Option<Flow> {
    let (proto, hl) = match b.first()? >> 4 {
        4 if b.len() >= 20 => (b[9], (b[0] & 15) as usize * 4),
        6 if b.len() >= 40 => (b[6], 40),
        _ => return None,
    };
    let be = |i: usize| u16::from_be_bytes([b[i], b[i + 1]]);
    Some(match proto {
        17 if b.len() >= hl + 8 => Flow { proto, sport: be(hl), dport: be(hl + 2), pay: hl + 8 },
        6 if b.len() >= hl + 20 => Flow { proto, sport: be(hl), dport: be(hl + 2), pay: (hl + (b[hl + 12] >> 4) as usize * 4).min(b.len()) },
        1 | 58 if b.len() >= hl + 8 => Flow { proto, sport: be(hl + 4), dport: be(hl + 6), pay: hl + 8 }, // id, sequence
        _ => Flow { proto, sport: 0, dport: 0, pay: hl.min(b.len()) },
    })
}
struct Match { proto: u8, lo: u16, hi: u16 }
impl Match {
    fn parse(s: &str) -> Match {
        let (p, r) = s.split_once(':').unwrap_or((s, "0-65535"));
        let (lo, hi) = r.split_once('-').unwrap_or((r, r));
        let num = |x: &str| x.parse::<u16>().unwrap_or_else(|_| die("bad --match port"));
        let proto = match p { "any" => 0, "udp" => 17, "tcp" => 6, "icmp" => 1, _ => die("--match any|udp|tcp|icmp") };
        Match { proto, lo: num(lo), hi: num(hi) }
    }
    fn hit(&self, f: &Flow) -> bool {
        (self.proto == 0 || self.proto == f.proto || (self.proto == 1 && f.proto == 58))
            && ((self.lo..=self.hi).contains(&f.sport) || (self.lo..=self.hi).contains(&f.dport) || self.lo == 0 && self.hi == 65535)
    }
}

// ------------------------------------------------------------------ records and the summary
#[derive(Clone, Copy)]
struct Rec { dir: u8, verdict: Verdict, flow: Flow, len: u32, idx: u64, t_in: i64, t_out: i64, planned: i64, pay: [u8; 96], npay: u8 }

fn stats(v: &mut [i64]) -> String {
    if v.is_empty() { return "null".into() }
    let n = v.len() as f64;
    let mean = v.iter().map(|&x| x as f64).sum::<f64>() / n;
    let sd = (v.iter().map(|&x| (x as f64 - mean).powi(2)).sum::<f64>() / n).sqrt();
    v.sort_unstable();
    let q = |p: f64| v[((v.len() - 1) as f64 * p).round() as usize];
    format!("{{\"mean_ns\":{:.0},\"sd_ns\":{:.0},\"min_ns\":{},\"p50_ns\":{},\"p95_ns\":{},\"p99_ns\":{},\"max_ns\":{}}}",
            mean, sd, v[0], q(0.5), q(0.95), q(0.99), v[v.len() - 1])
}
/// The truth of one direction (or of one flow in it), from its records in sending order.
fn summarise(recs: &[&Rec]) -> String {
    let count = |v: Verdict| recs.iter().filter(|r| r.verdict == v).count();
    let n = recs.len() - count(Verdict::Dup);
    let passed: Vec<&&Rec> = recs.iter().filter(|r| r.verdict == Verdict::Pass && r.t_out > 0).collect();
    let mut delay: Vec<i64> = passed.iter().map(|r| r.t_out - r.t_in).collect();
    let mut late: Vec<i64> = passed.iter().map(|r| r.t_out - r.t_in - r.planned).collect();
    // delay variation between neighbours that both arrived: RFC 3393 IPDV and the RFC 3550 running mean
    let (mut ipdv, mut j, mut reordered, mut high, mut runs, mut run) = (Vec::new(), 0.0f64, 0u64, i64::MIN, Vec::new(), 0u64);
    for w in passed.windows(2) {
        let d = (w[1].t_out - w[1].t_in - w[0].t_out + w[0].t_in).abs();
        if w[1].idx == w[0].idx + 1 { ipdv.push(d) }
        j += (d as f64 - j) / 16.0;
    }
    for r in &passed { if r.t_out < high { reordered += 1 } high = high.max(r.t_out); }
    for r in recs.iter().filter(|r| r.verdict != Verdict::Dup) {
        if r.verdict == Verdict::Pass { if run > 0 { runs.push(run) } run = 0 } else { run += 1 }
    }
    if run > 0 { runs.push(run) }
    let unsent = recs.iter().filter(|r| r.verdict == Verdict::Pass && r.t_out == 0).count(); // still held at the end
    let lost = n - passed.len() - unsent;
    let span = match (recs.first(), recs.last()) { (Some(a), Some(b)) => (b.t_in - a.t_in) as f64 / 1e9, _ => 0.0 };
    let bytes: u64 = passed.iter().map(|r| r.len as u64).sum();
    format!("{{\"packets\":{n},\"passed\":{},\"lost\":{lost},\"unsent\":{unsent},\"loss_pct\":{:.4},\"loss_uniform\":{},\"loss_burst\":{},\"loss_queue\":{},\"loss_mtu\":{},\"loss_outage\":{},\"loss_runs\":{},\"mean_loss_run\":{:.3},\"max_loss_run\":{},\"dup\":{},\"reordered\":{reordered},\"span_s\":{:.6},\"passed_bytes\":{bytes},\"delay\":{},\"ipdv_abs\":{},\"rfc3550_jitter_ns\":{:.0},\"lateness\":{}}}",
        passed.len(), if n > 0 { 100.0 * lost as f64 / n as f64 } else { 0.0 },
        count(Verdict::Loss), count(Verdict::Burst), count(Verdict::Queue), count(Verdict::Mtu), count(Verdict::Outage),
        runs.len(), if runs.is_empty() { 0.0 } else { runs.iter().sum::<u64>() as f64 / runs.len() as f64 }, runs.iter().max().unwrap_or(&0),
        count(Verdict::Dup), span, stats(&mut delay), stats(&mut ipdv), j, stats(&mut late))
}

// ------------------------------------------------------------------ main
fn main() {
    let mut ends: [Option<String>; 2] = [None, None];
    let mut imp = [Impair::new(), Impair::new()];
    let (mut seed, mut duration, mut spin, mut mtu) = (1u64, 60.0f64, 120_000i64, 1500usize);
    let (mut log, mut log_bytes, mut summary) = (None, 0usize, "-".to_string());
    let (mut cpu, mut rt, mut matching, mut dry) = (None, false, Match::parse("any"), None);
    let mut args = std::env::args().skip(1);
    while let Some(a) = args.next() {
        let mut val = || args.next().unwrap_or_else(|| die(&format!("{a} needs a value")));
        match a.as_str() {
            "--a" => ends[0] = Some(val()),
            "--b" => ends[1] = Some(val()),
            "--ab" => imp[0].apply(&val()),
            "--ba" => imp[1].apply(&val()),
            "--both" => { let v = val(); imp[0].apply(&v); imp[1].apply(&v) }
            "--seed" => seed = val().parse().unwrap_or_else(|_| die("bad --seed")),
            "--duration" => duration = val().parse().unwrap_or_else(|_| die("bad --duration")),
            "--spin" => spin = val().parse::<i64>().unwrap_or_else(|_| die("bad --spin")) * 1000,
            "--mtu" => mtu = val().parse().unwrap_or_else(|_| die("bad --mtu")),
            "--cpu" => cpu = Some(val().parse::<u32>().unwrap_or_else(|_| die("bad --cpu"))),
            "--rt" => rt = true,
            "--match" => matching = Match::parse(&val()),
            "--dry-run" => dry = val().split_once(':').map(|(n, iv)| (n.parse::<u64>().unwrap_or_else(|_| die("bad --dry-run")), parse_time(iv))),
            "--log" => log = Some(val()),
            "--log-bytes" => log_bytes = val().parse::<usize>().unwrap_or_else(|_| die("bad --log-bytes")).min(96),
            "--summary" => summary = val(),
            _ => { eprintln!("netemu: unknown option {a}; see the head of netemu.rs"); exit(2) }
        }
    }
    let mut dirs = [Dir::new(imp[0].clone(), seed, 0), Dir::new(imp[1].clone(), seed, 1)];
    let mut recs: Vec<Rec> = Vec::with_capacity(1 << 18);
    if let Some((n, iv)) = dry {
        for (side, d) in dirs.iter_mut().enumerate() {
            for t_in in (0..n).map(|i| 1 + i as i64 * iv) {
                let (idx, verdict, at, dup) = d.decide(t_in, 200);
                let mut rec = Rec { dir: side as u8, verdict, flow: Flow { proto: 17, ..Flow::default() }, len: 200, idx, t_in, t_out: at, planned: at - t_in, pay: [0; 96], npay: 0 };
                recs.push(rec);
                if dup { rec.verdict = Verdict::Dup; recs.push(rec) }
            }
        }
        return report(&recs, log.as_deref(), &summary, 0, format!("{{\"seed\":{seed},\"dry_run\":true"));
    }
    let home = unsafe { open(c"/proc/self/ns/net".as_ptr(), 0) };
    let open_end = |i: usize| End::open(ends[i].as_deref().unwrap_or_else(|| die("--a and --b are needed")), mtu, home);
    let mut e = [open_end(0), open_end(1)];
    unsafe {
        signal(2, on_signal as *const () as usize);
        signal(15, on_signal as *const () as usize);
        prctl(29, 1, 0, 0, 0); // PR_SET_TIMERSLACK 1 ns: otherwise every sleep is up to 50 us late
        if let Some(c) = cpu { let m = [1u64 << (c & 63); 1]; sched_setaffinity(0, 8, m.as_ptr()); }
        if rt { let p = 50i32; if sched_setscheduler(0, 1, &p) != 0 { die("--rt") } }
        mlockall(1);
    }
    const MAX_RECS: usize = 8_000_000;
    let mut heap: BinaryHeap<Reverse<(i64, u64, usize)>> = BinaryHeap::new(); // (release, order, slot)
    struct Slot { data: Vec<u8>, out: usize, rec: usize }
    let (mut slots, mut free): (Vec<Slot>, Vec<usize>) = (Vec::new(), Vec::new());
    let (mut order, mut buf, mut max_held) = (0u64, vec![0u8; 65_600], 0usize);
    let (mut send_errors, mut sends, mut send_ns) = (0u64, 0i64, 0i64);
    println!("ready");
    let _ = std::io::stdout().flush();
    let start = clock(MONOTONIC);
    let end = start + (duration * 1e9) as i64;
    let offset = clock(REALTIME) - clock(MONOTONIC);

    while !STOP.load(Ordering::Relaxed) {
        // 1. send what is due
        let mut now = clock(MONOTONIC);
        while let Some(&Reverse((at, _, s))) = heap.peek() {
            if at > now { break }
            heap.pop();
            // the hand-over happens inside send(): its start is the last moment that is surely before it
            let t_out = clock(MONOTONIC);
            if !e[slots[s].out].send(&slots[s].data) { send_errors += 1 }
            now = clock(MONOTONIC);
            sends += 1;
            send_ns += now - t_out;
            if let Some(r) = recs.get_mut(slots[s].rec) { r.t_out = t_out }
            free.push(s);
        }
        if now >= end { break }
        // 2. take in what has arrived (a bounded batch, so that a flood cannot starve step 1)
        let mut got = false;
        for side in 0..2 {
            for _ in 0..16 {
                let Some((n, t_in)) = e[side].recv(&mut buf) else { break };
                got = true;
                let l2 = e[side].l2();
                let flow = if e[side].is_udp() { Some(Flow { proto: 17, pay: 0, ..Flow::default() }) } else { parse(&buf[l2.min(n)..n]) };
                let Some(flow) = flow.filter(|f| matching.hit(f)) else { e[1 - side].send(&buf[..n]); continue };
                let (ip_len, d) = (n - l2, &mut dirs[side]);
                let (idx, verdict, at, dup) = d.decide(t_in, ip_len + if e[side].is_udp() { 28 } else { 0 });
                let mut pay = [0u8; 96];
                let npay = log_bytes.min(ip_len.saturating_sub(flow.pay));
                pay[..npay].copy_from_slice(&buf[l2 + flow.pay..l2 + flow.pay + npay]);
                let mut rec = Rec { dir: side as u8, verdict, flow, len: ip_len as u32, idx, t_in, t_out: 0, planned: at - t_in, pay, npay: npay as u8 };
                for copy in 0..1 + dup as usize {
                    if copy == 1 { rec.verdict = Verdict::Dup }
                    let ri = if recs.len() < MAX_RECS { recs.push(rec); recs.len() - 1 } else { usize::MAX };
                    if verdict != Verdict::Pass { break }
                    let s = free.pop().unwrap_or_else(|| { slots.push(Slot { data: Vec::with_capacity(2048), out: 0, rec: 0 }); slots.len() - 1 });
                    slots[s].data.clear();
                    slots[s].data.extend_from_slice(&buf[..n]);
                    slots[s].out = 1 - side;
                    slots[s].rec = ri;
                    order += 1;
                    heap.push(Reverse((at, order, s)));
                    max_held = max_held.max(heap.len());
                }
            }
        }
        // 3. nothing to do: sleep until a packet comes or the next release is near, then spin
        if !got {
            let next = heap.peek().map_or(end, |Reverse((at, _, _))| *at).min(end) - clock(MONOTONIC) - spin;
            if next > 0 {
                let ts = Timespec { sec: next / 1_000_000_000, nsec: next % 1_000_000_000 };
                let mut p = [PollFd { fd: e[0].fd, events: 1, revents: 0 }, PollFd { fd: e[1].fd, events: 1, revents: 0 }];
                unsafe { ppoll(p.as_mut_ptr(), 2, &ts, std::ptr::null()) };
            }
        }
    }

    let missed = [e[0].missed(home), e[1].missed(home)];
    let head = format!("{{\"seed\":{seed},\"send_errors\":{send_errors},\"mean_send_call_ns\":{},\"still_held\":{},\"max_held\":{max_held},\"missed_before_read\":[{},{}]",
        send_ns / sends.max(1), heap.len(), missed[0], missed[1]);
    report(&recs, log.as_deref(), &summary, offset, head)
}

/// Write the CSV and the JSON summary (`head` is the opening of the JSON object).
fn report(recs: &[Rec], log: Option<&str>, summary: &str, offset: i64, head: String) {
    if let Some(f) = log {
        let mut w = std::io::BufWriter::new(std::fs::File::create(f).unwrap_or_else(|_| die(f)));
        let _ = writeln!(w, "dir,idx,t_in_ns,t_out_ns,ip_len,proto,sport,dport,verdict,planned_ns,actual_ns,payload");
        for r in recs {
            let (out, actual) = if r.t_out > 0 { (r.t_out + offset, r.t_out - r.t_in) } else { (0, 0) };
            let _ = write!(w, "{},{},{},{},{},{},{},{},{},{},{},", ["ab", "ba"][r.dir as usize], r.idx, r.t_in + offset, out, r.len, r.flow.proto,
                r.flow.sport, r.flow.dport, r.verdict.name(), if r.verdict == Verdict::Pass || r.verdict == Verdict::Dup { r.planned } else { 0 }, actual);
            for b in &r.pay[..r.npay as usize] { let _ = write!(w, "{b:02x}"); }
            let _ = writeln!(w);
        }
    }
    let pick = |d: u8| recs.iter().filter(|r| r.dir == d).collect::<Vec<_>>();
    let mut flows: BTreeMap<(u8, u8, u16, u16), Vec<&Rec>> = BTreeMap::new();
    for r in recs {
        let key = if r.flow.proto == 1 || r.flow.proto == 58 { (r.dir, r.flow.proto, r.flow.sport, 0) } else { (r.dir, r.flow.proto, r.flow.sport, r.flow.dport) };
        flows.entry(key).or_default().push(r);
    }
    let mut s = format!("{head},\n\"ab\":{},\n\"ba\":{},\n\"flows\":[", summarise(&pick(0)), summarise(&pick(1)));
    for (i, ((d, proto, sp, dp), v)) in flows.iter().enumerate().take(64) {
        s += &format!("{}\n{{\"dir\":\"{}\",\"proto\":{proto},\"sport\":{sp},\"dport\":{dp},\"truth\":{}}}", if i > 0 { "," } else { "" }, ["ab", "ba"][*d as usize], summarise(v));
    }
    s += &format!("],\"flows_total\":{}}}\n", flows.len());
    if summary == "-" { print!("{s}") } else if std::fs::write(summary, s).is_err() { die(summary) }
}
