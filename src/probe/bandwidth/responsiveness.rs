//! Round trips of fresh connections while a load is on (draft-ietf-ippm-responsiveness, the foreign probes): TCP, TLS and
//! one request each, one after the other. Nothing is verified: no trust is taken from the page.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use super::Confidence;
use crate::net::http::{self, Authority};
use crate::net::tls::Trust;
use crate::net::{clock, tcp, tls};
use crate::session::flow::client::Pings;
use crate::stats::capacity::{LoadedTrips, responsiveness};

/// One probe takes no longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two probes.
const PAUSE: Duration = Duration::from_millis(100);
/// In all.
const MOST: usize = 200;

/// Steps of fresh connections under one load, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Fresh {
    tcp: Vec<f64>,
    tls: Vec<f64>,
    http: Vec<f64>,
    failed: u32,
}

/// Probes while `holding` says that the line is held full in part 1 or 2; ends only when dropped or after the most probes.
pub(super) async fn probe(
    target: SocketAddr,
    host: &str,
    holding: Arc<AtomicU8>,
    found: &tokio::sync::Mutex<[Fresh; 2]>,
) {
    for _ in 0..MOST {
        while holding.load(Relaxed) == 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let part = usize::from(holding.load(Relaxed));
        let trip = once(target, host).await;
        // A probe that began under one load and ended under none tells of neither.
        if usize::from(holding.load(Relaxed)) == part
            && let Some(fresh) = found.lock().await.get_mut(part - 1)
        {
            fresh.add(trip);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

impl Fresh {
    fn add(&mut self, trip: Option<[f64; 3]>) {
        let Some([tcp, tls, http]) = trip else {
            self.failed += 1;
            return;
        };
        self.tcp.push(tcp);
        self.tls.push(tls);
        self.http.push(http);
    }

    /// Round trips a minute, with the flow's own pings as the loaded ones; `None` where a step was never measured.
    pub(super) fn rpm(&self, loaded: &Pings) -> Option<(f64, Confidence)> {
        let on_load: Vec<f64> = loaded.echoes.iter().map(|e| e.rtt as f64 / 1e6).collect();
        let trips = LoadedTrips { tcp_ms: &self.tcp, tls_ms: &self.tls, http_ms: &self.http, on_load_ms: &on_load };
        responsiveness(&trips).map(|r| (r.rpm, self.confidence()))
    }

    /// High: at least ten connections, none of which failed, the halves within a quarter of each other; low: fewer than four.
    fn confidence(&self) -> Confidence {
        let sums: Vec<f64> = self.tcp.iter().zip(&self.http).map(|(t, h)| t + h).collect();
        let (first, second) = sums.split_at(sums.len() / 2);
        let mean = |v: &[f64]| v.iter().sum::<f64>() / (v.len().max(1) as f64);
        let (a, b) = (mean(first), mean(second));
        let steady = (a - b).abs() <= 0.25 * a.max(b);
        match sums.len() {
            0..4 => Confidence::Low,
            10.. if steady && self.failed == 0 => Confidence::High,
            _ => Confidence::Medium,
        }
    }
}

/// TCP handshake, TLS handshake and request of one fresh connection.
async fn once(target: SocketAddr, host: &str) -> Option<[f64; 3]> {
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    let begun = clock::now();
    let stream = tcp::connect(target, PATIENCE).await.ok()?;
    let connect = clock::now().saturating_duration_since(begun);
    let nobody = Trust::only([]);
    let shaken = tls::handshake(stream, host, target.ip(), &nobody, tls::HTTP11, PATIENCE).await;
    let stream = shaken.stream?;
    let to = Authority { host, port: target.port(), tls: true };
    let answer = http::get(stream, to, "/.well-known/rtc-check", PATIENCE, None).await.ok()?;
    Some([ms(connect), ms(shaken.took), ms(answer.first_byte)])
}
