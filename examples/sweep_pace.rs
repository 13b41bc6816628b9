//! What a sweep costs: opens the responder on 10,001 UDP ports of a loopback address and sweeps them at the default pace
//! and at 20,000 a second, printing the time, what was sent and what was missed.
//!
//! `cargo run --release --example sweep_pace [ROUNDS]`

#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use rtc_check::model::{PortRange, Service, Step, Transport};
use rtc_check::net::udp::Drive;
use rtc_check::net::{chance, clock};
use rtc_check::serve::{Config, Limits, Ports, Responder, ServeRule, self_signed};
use rtc_check::session::sweep::{Sweep, SweepConfig};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const TARGET: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 7, 12));

#[tokio::main]
async fn main() -> Result<()> {
    let rounds = std::env::args().nth(1).map_or(Ok(5), |a| a.parse::<u64>())?;
    let range = PortRange::new(10_000, 20_000).ok_or("no range")?;
    let responder = Responder::start(config(range)?).await?;
    for pace in [4000, 20_000] {
        for seed in 1..=rounds {
            sweep(range, pace, seed).await?;
        }
    }
    println!("{}", responder.stop().await);
    Ok(())
}

async fn sweep(range: PortRange, pace: u32, seed: u64) -> Result<()> {
    let drive = Drive {
        target: TARGET,
        sockets: 4,
        deadline: Duration::from_secs(60),
        cancel: tokio_util::sync::CancellationToken::new(),
        step: Step::Sweep,
    };
    let secret = chance::bytes();
    let config = SweepConfig { target: TARGET, range, pace, seed, secret, credential: None, patient: false };
    let start = clock::now();
    let (session, stop) = drive.run(move |now| Sweep::new(now, config), |_, _| {}).await?;
    let (took, seen) = (start.elapsed(), session.outcome());
    println!(
        "{pace}/s: {took:.2?}, {stop:?}, {} of {} answered, {} datagrams, {:.2} % lost at first, longest round trip {:.1?}",
        seen.answered.count(),
        seen.total,
        seen.sent,
        seen.loss.unwrap_or_default() * 100.0,
        seen.rtt.unwrap_or_default(),
    );
    for (what, ports) in [("silent", &seen.silent), ("refused", &seen.refused), ("prohibited", &seen.prohibited)] {
        if !ports.is_empty() {
            println!("  {what}: {ports}");
        }
    }
    if let Some(error) = seen.icmp {
        println!("  {error}");
    }
    Ok(())
}

fn config(range: PortRange) -> Result<Config> {
    let rule = ServeRule {
        id: "media".into(),
        role: "rtc".into(),
        bind: vec![TARGET],
        ports: Ports::Exact(range),
        service: Service::Rtp,
        transport: Transport::Udp,
        subprotocol: None,
    };
    let (_, tls) = self_signed(&["localhost".to_owned()])?;
    Ok(Config {
        services: vec![rule],
        tls,
        key: None,
        limits: Limits::default(),
        alternate: Default::default(),
        tool_version: "pace".to_owned(),
    })
}
