//! One thing that is sent, and the words for how that went. Prints only in [`Errand::run`], which a single run uses.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::output::say;
use crate::cli::{Unusable, signal};
use crate::net::classify::seconds;
use crate::net::push::{self, Again, Destination, Headers, Method, Parcel, Schedule, Taken, Way};
use crate::report;

use super::otlp::Signal;

/// After which statuses OTLP is sent again (its specification, "Retryable Response Codes").
const OTLP_PASSING: &[u16] = &[429, 502, 503, 504];
/// Where gRPC is spoken by convention.
const GRPC_PORT: u16 = 4317;

/// One thing that is sent.
pub struct Errand {
    /// As a sentence names it.
    pub what: &'static str,
    /// What sends it again.
    pub flag: &'static str,
    pub parcel: Parcel,
    pub way: Way,
}

/// Headers that open a door and are sent where everybody on the way reads them.
pub fn in_plain_text(to: &Destination, headers: &Headers) -> Option<String> {
    let is_told = !to.tls && !to.is_own() && !headers.is_empty();
    is_told.then(|| format!("the headers for {to} go there in plain text, readable on the way; use https"))
}

impl Errand {
    /// A signal of OpenTelemetry, encoded.
    ///
    /// # Errors
    /// A certificate's file that cannot be used any more.
    pub fn of_signal(
        what: &'static str,
        signal: &Signal,
        body: Vec<u8>,
        ca: &[PathBuf],
        way: &Way,
    ) -> Result<Self, Unusable> {
        let way = match &signal.certificate {
            Some(file) => {
                Way { trust: Arc::new(super::trust(&[ca, std::slice::from_ref(file)].concat())?), ..way.clone() }
            }
            None => way.clone(),
        };
        let (body, encoding) = match signal.gzip {
            true => (zipped(&body).map_err(|e| Unusable(format!("gzip: {e}")))?, Some("gzip")),
            false => (body, None),
        };
        let parcel = Parcel {
            to: signal.to.clone(),
            method: Method::Post,
            headers: signal.headers.clone(),
            content_type: "application/x-protobuf",
            encoding,
            key: String::new(),
            body: body.into(),
            timeout: signal.timeout,
            passing: OTLP_PASSING,
        };
        Ok(Self { what, flag: "--otlp URL", parcel, way })
    }

    /// Sends it; `again` hears of every attempt that is to be repeated. Where all of it was taken, what to say of that.
    ///
    /// # Errors
    /// A sentence that says what was not sent, and why.
    pub async fn carry(&self, again: impl FnMut(&Again<'_>)) -> Result<Arrived, String> {
        match push::deliver(&self.parcel, &self.way, Schedule::default(), again).await {
            Ok(taken) => self.taken(&taken),
            Err(why) => Err(self.not_sent(&why)),
        }
    }

    /// Sends it and says how that went; true where all of it was taken.
    pub async fn run(&self, quiet: bool) -> bool {
        let again = |again: &Again<'_>| {
            if !quiet {
                let Again { why, wait, attempt, most } = again;
                let what = self.what;
                say(&format!("rtc-check: {what}: {why}, trying again in {} ({attempt} of {most})", seconds(*wait)));
            }
        };
        let sent = tokio::select! {
            sent = self.carry(again) => sent,
            () = signal::ended() => Err(self.not_sent(&format!("{}: interrupted", self.parcel.to))),
        };
        match &sent {
            Ok(Arrived::Whole(_)) if quiet => {}
            Ok(Arrived::Whole(words) | Arrived::Remarked(words)) | Err(words) => say(&format!("rtc-check: {words}")),
        }
        sent.is_ok()
    }

    fn not_sent(&self, why: &str) -> String {
        let is_otlp = self.flag == "--otlp URL";
        let refused = ["answers 401", "answers 403"].iter().any(|code| why.contains(code));
        let hint = match () {
            () if is_otlp && self.parcel.to.port == GRPC_PORT => {
                "; 4317 is the port of gRPC, and OTLP over HTTP is usually on 4318"
            }
            () if is_otlp && refused => "; OTEL_EXPORTER_OTLP_HEADERS holds what it asks for",
            () if refused => "; RTC_CHECK_UPLOAD_HEADERS holds what it asks for, such as `Authorization: Bearer …`",
            () => "",
        };
        format!("could not send {}: {why}{hint}", self.what)
    }

    fn taken(&self, taken: &Taken) -> Result<Arrived, String> {
        let (what, to) = (self.what, &self.parcel.to);
        let partial = match self.flag {
            "--otlp URL" => report::otlp::rejected(&taken.body),
            _ => None,
        };
        let Some(rejected) = partial else {
            return Ok(Arrived::Whole(format!("sent {what} to {to} ({})", taken.status)));
        };
        // Who was sent a key may say it again.
        let said = if self.parcel.headers.is_empty() { rejected.message } else { String::new() };
        let said = if said.is_empty() { String::new() } else { format!(": \"{said}\"") };
        match rejected.count {
            0 => Ok(Arrived::Remarked(format!("note: {to} took {what} and remarks on it{said}"))),
            count => Err(format!("{to} left out {count} parts of {what}{said}")),
        }
    }
}

/// What was taken as a whole, in words.
pub enum Arrived {
    Whole(String),
    /// The receiver has something to say of it.
    Remarked(String),
}

fn zipped(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}
