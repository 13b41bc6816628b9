//! How far from the truth rtc-check and its peers are: all of them at once across the emulator of `tests/emulator`, whose
//! log of every packet is the truth. Prints a table for each scenario and writes them to a file.
//!
//! `cargo bench --bench accuracy -- [--seconds 20] [--seeds 3] [--scenario NAME]… [--busy] [--output FILE]`
//!
//! Needs root, network namespaces and /dev/net/tun. ping, irtt and iperf3 run beside rtc-check where they are installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "it reads the clock and its arguments")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints its figures")]

#[path = "../../tests/lab/daemon.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod daemon;
#[path = "../../tests/emulator/mod.rs"]
mod emulator;
mod goals;
#[path = "../../tests/harness/mod.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod harness;
#[path = "../../tests/lab/namespaces.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod namespaces;
mod peers;
#[path = "../../tests/lab/pki.rs"]
mod pki;
#[path = "../../tests/lab/possible.rs"]
mod possible;
mod table;
mod tool;

use std::process::{Child, Command};

use emulator::{Emulator, Scenario};
use namespaces::Lab;
use table::Table;
use tool::{Errors, Tool};

const SCENARIOS: [Scenario; 6] =
    [emulator::CONST, emulator::LOSS, emulator::BURSTS, emulator::ASYMMETRIC, emulator::JITTER, emulator::DISORDER];

/// What was asked for on the command line.
struct Wanted {
    seconds: u32,
    seeds: u64,
    scenarios: Vec<Scenario>,
    busy: bool,
    output: String,
}

fn main() {
    let wanted = wanted();
    let mut text = table::head(&std::env::args().skip(1).filter(|a| a != "--bench").collect::<Vec<_>>().join(" "));
    let (mut tables, mut drawn) = (Vec::new(), String::new());
    let mut add = |title: String, subtitle: String, table: Table| {
        let part = table.drawn(&title, &subtitle);
        println!("{part}");
        drawn.push_str(&part);
        tables.push((title, table));
    };
    let impairment = |s: &Scenario| format!("up `{}`, down `{}`", s.up, s.down);
    for scenario in &wanted.scenarios {
        add(scenario.name.to_owned(), impairment(scenario), measured(*scenario, &wanted, false));
    }
    if wanted.busy {
        let title = format!("{}{}", emulator::CONST.name, goals::BUSY);
        add(title, impairment(&emulator::CONST), measured(emulator::CONST, &wanted, true));
    }
    let subtitle = "a clean path of 40 ms, no `--duration`".to_owned();
    add(goals::VERDICT.to_owned(), subtitle, time_to_verdict(wanted.seeds));
    let goals = goals::drawn(&tables);
    println!("{goals}");
    text.push_str(&(goals + &drawn));
    std::fs::write(&wanted.output, text).unwrap();
    println!("written to {}", wanted.output);
}

fn wanted() -> Wanted {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/accuracy.md");
    let mut wanted = Wanted { seconds: 20, seeds: 3, scenarios: vec![], busy: false, output: default.to_owned() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{arg} needs a value"));
        match arg.as_str() {
            "--bench" => {}
            "--seconds" => wanted.seconds = value().parse().unwrap(),
            "--seeds" => wanted.seeds = value().parse().unwrap(),
            "--scenario" => {
                let name = value();
                wanted.scenarios.extend(SCENARIOS.iter().filter(|s| s.name == name));
            }
            "--busy" => wanted.busy = true,
            "--output" => wanted.output = value(),
            _ => panic!("no such argument: {arg}"),
        }
    }
    if wanted.scenarios.is_empty() {
        wanted.scenarios = SCENARIOS.to_vec();
    }
    wanted
}

/// One scenario's table: every tool at once, a run a seed.
fn measured(scenario: Scenario, wanted: &Wanted, busy: bool) -> Table {
    let mut table = Table::default();
    for seed in 1..=wanted.seeds {
        for (tool, errors) in run(scenario, seed, wanted.seconds, busy) {
            table.add(tool, errors);
        }
    }
    table
}

/// Every tool at once through one emulator; tool by tool what it got wrong.
fn run(scenario: Scenario, seed: u64, seconds: u32, busy: bool) -> Vec<(&'static str, Errors)> {
    let lab = Lab::up().expect("root, network namespaces, ip and nft");
    let emulator = Emulator::between(&lab, scenario, seed, seconds + 60);
    let tools: Vec<Tool> = Tool::ALL.into_iter().filter(|t| t.is_installed()).collect();
    let _servers: Vec<_> = tools.iter().flat_map(|t| t.servers(&lab)).collect();
    let _load: Vec<Busy> = (0..if busy { 2 } else { 0 }).map(|_| Busy::start()).collect();
    let started: Vec<_> = tools.iter().map(|t| (*t, t.start(&lab, seconds))).collect();
    let finished: Vec<_> = started.into_iter().map(|(tool, run)| (tool, tool::finish(run))).collect();
    let log = emulator.finish();
    finished.into_iter().map(|(tool, run)| (tool.name(), tool.errors(&run, &log))).collect()
}

/// How long until a sound verdict on a clean path, in a run of its own.
fn time_to_verdict(runs: u64) -> Table {
    let mut table = Table::default();
    for seed in 1..=runs {
        let lab = Lab::up().expect("root, network namespaces, ip and nft");
        let _emulator = Emulator::between(&lab, emulator::CONST, seed, 60);
        let _servers: Vec<_> = Tool::RtcCheck.servers(&lab);
        let run = tool::finish(Tool::RtcCheck.start(&lab, 0));
        table.add(Tool::RtcCheck.name(), peers::until_verdict(&run));
    }
    table
}

/// A process that does nothing and is never done.
struct Busy(Child);

impl Busy {
    fn start() -> Self {
        Self(Command::new("setpriv").args(["--pdeathsig", "KILL", "sh", "-c", "while :; do :; done"]).spawn().unwrap())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
