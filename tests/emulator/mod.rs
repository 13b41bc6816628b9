//! The network-path emulator between the lab's client and server: `netemu.rs` beside this file is a program of its own
//! (its first lines are its manual), compiled by `rustc` when first needed. It delays, drops, copies and reorders by a
//! seed, and its log says what became of every packet: the truth that measuring tools are held against.

pub mod log;
pub mod truth;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::namespaces::{EMULATED_CLIENT4, EMULATED4, Lab, Place};
use log::Packet;

/// What the emulator does to packets towards the server and to those from it.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub up: &'static str,
    pub down: &'static str,
}

const fn both(name: &'static str, impairment: &'static str) -> Scenario {
    Scenario { name, up: impairment, down: impairment }
}

/// 20 ms each way.
pub const CONST: Scenario = both("const20", "delay=20ms");
/// The same and 1.5 % independent loss each way.
pub const LOSS: Scenario = both("loss1.5", "delay=20ms,loss=1.5%");
/// Gilbert-Elliott: 2 % lost in bursts of 4.
pub const BURSTS: Scenario = both("ge", "delay=20ms,ge=0.5%:25%:100%");
/// A slow, lossy, uneven way up, a clean one down.
pub const ASYMMETRIC: Scenario =
    Scenario { name: "asym", up: "delay=30ms,jitter=3ms,dist=uniform,loss=3%", down: "delay=10ms" };
/// Jitter of 2 ms without overtaking.
pub const JITTER: Scenario = both("jit-normal2ms-fifo", "delay=20ms,jitter=2ms,dist=normal,order=fifo");
/// 2 % overtaken, 1 % doubled.
pub const DISORDER: Scenario = both("reorder-dup", "delay=20ms,reorder=2%:50ms,dup=1%");

/// The emulator at work; ends with the value.
pub struct Emulator {
    child: Child,
    log: PathBuf,
}

impl Emulator {
    /// Joins client ([`EMULATED_CLIENT4`]) and server ([`EMULATED4`]) of `lab` beside the way over the router, for at most
    /// `seconds`.
    #[track_caller]
    pub fn between(lab: &Lab, scenario: Scenario, seed: u64, seconds: u32) -> Self {
        let log = lab.dir().join(format!("{}-{seed}.csv", scenario.name));
        let end = |place, address| format!("tun:{}:emu0:{address}/24", lab.namespace(place));
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program()).arg("--rt");
        command.args(["--a", &end(Place::Client, EMULATED_CLIENT4), "--b", &end(Place::Server, EMULATED4)]);
        command.args(["--ab", scenario.up, "--ba", scenario.down, "--seed", &seed.to_string()]);
        command.args(["--duration", &seconds.to_string(), "--log-bytes", "96", "--summary", "/dev/null"]);
        command.arg("--log").arg(&log).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "the emulator did not start");
        Self { child, log }
    }

    /// Ends it and reads what it did to every packet.
    #[track_caller]
    pub fn finish(mut self) -> Vec<Packet> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.is_ok_and(|s| s.success()) && self.child.wait().is_ok_and(|s| s.success()), "the emulator failed");
        log::read(&self.log)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The compiled emulator.
pub fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator/netemu.rs");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("netemu");
        let changed = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
        if changed(&program) > changed(&source) {
            return program;
        }
        // Built aside and moved: another test process may be doing the same.
        let aside = program.with_extension(std::process::id().to_string());
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let built = Command::new(compiler).args(["-O", "--edition", "2021", "-o"]).arg(&aside).arg(source).status();
        assert!(built.is_ok_and(|s| s.success()), "rustc could not build the emulator");
        fs::rename(&aside, &program).unwrap();
        program
    })
}
