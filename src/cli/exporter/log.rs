//! What the exporter says on stderr: a line a probe, for people or as JSON.

use std::io::IsTerminal;
use std::net::IpAddr;
use std::time::Duration;

use crate::cli::output;
use crate::report::clean;

/// Where lines go.
#[derive(Clone, Copy)]
pub struct Log {
    json: bool,
}

impl Log {
    pub fn new(json: bool) -> Self {
        let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
        // A second subscriber in one process is refused, and the first one does as well.
        let _ = match json {
            true => builder.json().with_max_level(tracing::Level::INFO).try_init(),
            false => builder.with_max_level(tracing::Level::ERROR).try_init(),
        };
        Self { json }
    }

    /// Something about the exporter itself.
    pub fn note(self, text: &str) {
        match self.json {
            true => tracing::info!("{text}"),
            false => output::say(&format!("rtc-check exporter: {text}")),
        }
    }

    /// A probe that was carried out.
    pub fn probe(self, peer: IpAddr, what: &str, result: &str, took: Duration) {
        let seconds = took.as_secs_f64();
        match self.json {
            true => tracing::info!(%peer, what, result, seconds, "probe"),
            false => output::say(&format!("rtc-check exporter: {peer}: {what}: {result} in {seconds:.3} s")),
        }
    }

    /// A request for a probe that was turned away; the sentence may repeat what a stranger wrote.
    pub fn refused(self, peer: IpAddr, reason: &str, sentence: &str) {
        let sentence = clean(sentence, false);
        match self.json {
            true => tracing::info!(%peer, reason, sentence, "refused"),
            false => output::say(&format!("rtc-check exporter: {peer}: refused ({reason}): {sentence}")),
        }
    }
}
