//! Flows and the search for capacity against a responder, for measuring by hand: a grant (the JSON of
//! `POST /.well-known/rtc-check/session`) on stdin.
//!
//! `flow capacity ADDRESS:UDP-PORT HTTPS-PORT CEILING-KBPS` or `flow up|down|both ADDRESS:UDP-PORT KBPS SECONDS
//! [SESSIONS]`
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a tool for the bench")]

use std::net::SocketAddr;
use std::time::Duration;

use rtc_check::model::{Load, Media};
use rtc_check::probe::bandwidth::{Directions, Offer, Search, ask, capacity, capacity_ask, flow};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [what, target, third, fourth, more @ ..] = &args[..] else { panic!("see the first lines of this example") };
    let sessions = more.first().map_or(1, |n| n.parse().unwrap());
    let (asking, what) = match what.strip_prefix("ask-") {
        Some(what) => (true, what),
        None => (false, what.as_str()),
    };
    let target: SocketAddr = target.parse().unwrap();
    let kbps: f64 = third.parse().unwrap();
    let directions = match what {
        "up" => Directions::Up,
        "down" => Directions::Down,
        _ => Directions::Both,
    };
    let media = if kbps > 60.0 && sessions == 1 { Media::AudioVideo } else { Media::Audio };
    let load = Load { media, up_kbps: kbps, down_kbps: kbps, sessions, down_streams: 1 };
    let length = Duration::from_secs_f64(if what == "capacity" { 1.0 } else { fourth.parse().unwrap() });
    let offer = Offer { load, directions, length, dscp: 0, z: 1.96 };
    if asking {
        let ask =
            if what == "capacity" { capacity_ask(fourth.parse().unwrap()) } else { ask(&offer, target.is_ipv6()) };
        return println!("{}", serde_json::to_string(&ask).unwrap());
    }
    let grant = serde_json::from_reader(std::io::stdin()).unwrap();
    let cancel = CancellationToken::new();
    if what == "capacity" {
        let ceiling_kbps = fourth.parse().unwrap();
        let host = target.ip().to_string();
        let https = third.parse().ok();
        let search = Search { target, https, host: &host, grant: &grant, ceiling_kbps, bytes: 1 << 40 };
        match capacity(&search, &cancel).await {
            Ok(found) => {
                let loads = [40.0, 80.0].map(|kbps| Load { up_kbps: kbps, down_kbps: kbps, ..load });
                println!("{}", serde_json::to_string(&found.facts(&loads, target.is_ipv6())).unwrap());
                println!("{found:#?}");
            }
            Err(failure) => println!("{failure}"),
        }
    } else {
        println!("{:#?}", flow(target, &grant, &offer, &cancel).await);
    }
}
