//! Sends a report that is written: `--upload` and `--otlp`. Nothing is sent that was not asked for by a flag, its variable or
//! the configuration file; what cannot be sent is kept and said.

mod kept;
mod otlp;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Report;
use crate::net::classify::seconds;
use crate::net::push::{self, Again, Destination, Headers, Method, Parcel, Schedule, Taken, Way};
use crate::net::{host::Root, proxy::Proxies, tls::Trust};
use crate::probe::host::Machine;
use crate::report::{self, Format, Style};

use super::args::{CheckArgs, OutputArgs, PushArgs, UploadMethod};
use super::output::say;
use super::{Unusable, config, proxies, request, secrets, signal};

pub use kept::Kept;
use otlp::{Otlp, Signal};

/// One attempt to upload.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Statuses after which an upload is tried again.
const PASSING: &[u16] = &[408, 429, 502, 503, 504];
/// The same of OTLP (its specification, "Retryable Response Codes").
const OTLP_PASSING: &[u16] = &[429, 502, 503, 504];
/// Where gRPC is spoken by convention.
const GRPC_PORT: u16 = 4317;

/// Where a report is sent, read and found usable before anything is probed.
pub struct Sending {
    upload: Option<Upload>,
    otlp: Otlp,
    way: Option<Way>,
    ca: Vec<PathBuf>,
    quiet: bool,
}

struct Upload {
    to: Destination,
    method: Method,
    headers: Headers,
    timeout: Duration,
}

/// One thing that is sent.
struct Errand {
    /// As a sentence names it.
    what: &'static str,
    /// What sends it again.
    flag: &'static str,
    parcel: Parcel,
    way: Way,
}

impl Kept {
    /// Where the flags put the JSON report.
    ///
    /// # Errors
    /// A `--report` that is not written rightly.
    pub fn by(args: &OutputArgs, main: Format) -> Result<Self, Unusable> {
        for text in &args.reports {
            let (format, path) = super::args::pair("--report", "FORMAT=FILE", text)?;
            if format == Format::Json.as_str() {
                return Ok(Kept::File(path.into()));
            }
        }
        Ok(match (main, args.output.as_ref().filter(|path| path.as_os_str() != "-")) {
            (Format::Json, Some(path)) => Kept::File(path.clone()),
            (Format::Json, None) => Kept::Stdout,
            _ => Kept::No,
        })
    }
}

/// Takes from the configuration file what the flags leave open, and answers the files of authorities that both name.
///
/// # Errors
/// A configuration file that cannot be read, and a method that is none.
pub fn configured(args: &mut CheckArgs) -> Result<Vec<PathBuf>, Unusable> {
    let config = config::read(args.selection.config.as_deref(), &request::config_directories())?;
    let push = &mut args.output.push;
    push.upload = push.upload.take().or(config.upload);
    push.otlp = push.otlp.take().or(config.otlp);
    if let (None, Some(word)) = (push.upload_method, config.upload_method) {
        let read = <UploadMethod as clap::ValueEnum>::from_str(&word, true);
        push.upload_method = Some(read.map_err(|_| Unusable("upload-method: write put or post".to_owned()))?);
    }
    Ok(args.tuning.ca.iter().chain(&config.ca).cloned().collect())
}

/// For `--dry-run`: who would be told, without what opens the place.
///
/// # Errors
/// As [`Sending::open`].
pub fn describe(args: &OutputArgs) -> Result<String, Unusable> {
    let Some(sending) = Sending::open(args)? else { return Ok(String::new()) };
    let otlp = [("traces", &sending.otlp.traces), ("metrics", &sending.otlp.metrics)];
    let upload = sending.upload.iter().map(|upload| format!("the JSON report to {}", upload.to));
    let signals = otlp.iter().filter_map(|(what, signal)| Some(format!("{what} to {} (OTLP)", signal.as_ref()?.to)));
    let all: Vec<String> = upload.chain(signals).collect();
    Ok(if all.is_empty() { String::new() } else { format!("\nsent at the end: {}\n", all.join(", ")) })
}

impl Sending {
    /// Reads the flags, the secrets and OpenTelemetry's variables; `None` where nothing is to be sent.
    ///
    /// # Errors
    /// What is no URL, and headers or variables that cannot be used.
    pub fn open(args: &OutputArgs) -> Result<Option<Self>, Unusable> {
        let PushArgs { upload, upload_method, upload_timeout, otlp } = &args.push;
        let upload = upload.as_ref().filter(|url| !url.trim().is_empty());
        let otlp = otlp.as_ref().filter(|url| !url.trim().is_empty());
        if upload.is_none() && otlp.is_none() {
            return Ok(None);
        }
        let upload = upload.map(|url| {
            Ok::<_, Unusable>(Upload {
                to: Destination::read(url).map_err(|e| Unusable(format!("--upload: {e}")))?,
                method: match upload_method {
                    Some(UploadMethod::Post) => Method::Post,
                    _ => Method::Put,
                },
                headers: secrets::upload_headers()?,
                timeout: upload_timeout.unwrap_or(TIMEOUT),
            })
        });
        let otlp = otlp.map(|words| otlp::read(words, secrets::variable)).transpose()?.unwrap_or_default();
        Ok(Some(Self { upload: upload.transpose()?, otlp, way: None, ca: Vec::new(), quiet: args.quiet }))
    }

    /// With these authorities beside the machine's; without proxies given, those of the environment.
    ///
    /// # Errors
    /// A file that cannot be used, and proxies that cannot.
    pub fn by(mut self, ca: &[PathBuf], proxies: Option<&Arc<Proxies>>) -> Result<Self, Unusable> {
        let proxies = match proxies {
            Some(proxies) => Arc::clone(proxies),
            None => secrets::proxies(&proxies::ProxyWords::default())?,
        };
        secrets::trusted_files()?;
        self.way = Some(Way { trust: Arc::new(trust(ca)?), proxies });
        self.ca = ca.to_vec();
        for signal in [&self.otlp.traces, &self.otlp.metrics].into_iter().flatten() {
            trust(signal.certificate.as_slice())?;
        }
        Ok(self)
    }

    /// Sends the report, all of it side by side. False where something could not be sent: then that was said, and where the
    /// report is.
    pub fn send(self, report: &Report, kept: Kept) -> bool {
        let quiet = self.quiet;
        let json = report::render(report, Format::Json, &Style::default());
        self.otlp.notes.iter().for_each(|note| say(&format!("rtc-check: note: {note}")));
        let errands = match self.errands(report, &json) {
            Ok(errands) => errands,
            Err(Unusable(error)) => {
                say(&format!("rtc-check: nothing could be sent: {error}"));
                lost(report, &json, kept, "--upload or --otlp");
                return false;
            }
        };
        // A thread of its own, for a command may itself be inside a runtime.
        let sent = std::thread::scope(|scope| {
            let all = scope.spawn(|| {
                let runtime = super::runtime()?;
                let sent = runtime.block_on(futures_util::future::join_all(errands.iter().map(|e| e.run(quiet))));
                runtime.shutdown_background();
                Ok::<_, Unusable>(sent)
            });
            all.join().unwrap_or_else(|_| Err(Unusable("the sender ended unexpectedly".to_owned())))
        });
        let failed: Vec<&str> = match sent {
            Ok(sent) => errands.iter().zip(sent).filter(|(_, sent)| !sent).map(|(errand, _)| errand.flag).collect(),
            Err(Unusable(error)) => {
                say(&format!("rtc-check: nothing was sent: {error}"));
                errands.iter().map(|errand| errand.flag).collect()
            }
        };
        if let Some(flag) = failed.first() {
            lost(report, &json, kept, flag);
        }
        failed.is_empty()
    }

    fn errands(self, report: &Report, json: &str) -> Result<Vec<Errand>, Unusable> {
        let this = match self.way {
            Some(_) => self,
            None => self.by(&[], None)?,
        };
        let Some(way) = &this.way else { return Ok(Vec::new()) };
        let mut errands = Vec::new();
        if let Some(Upload { to, method, headers, timeout }) = this.upload {
            let parcel = Parcel {
                to,
                method,
                headers,
                content_type: "application/json",
                encoding: None,
                key: kept::id(report),
                body: json.to_owned().into(),
                timeout,
                passing: PASSING,
            };
            errands.push(Errand { what: "the report", flag: "--upload URL", parcel, way: way.clone() });
        }
        let sender = report::otlp::Sender {
            host: Some(Machine::new(Root::default()).name()).filter(|name| !name.is_empty()),
            ..this.otlp.sender
        };
        if let Some(signal) = this.otlp.traces {
            let body = report::otlp::encoded(&report::otlp::traces(report, &sender));
            errands.push(of_signal("the trace", signal, body, &this.ca, way)?);
        }
        if let Some(signal) = this.otlp.metrics {
            let body = report::otlp::encoded(&report::otlp::metrics(report, &sender));
            errands.push(of_signal("the metrics", signal, body, &this.ca, way)?);
        }
        Ok(errands)
    }
}

fn trust(ca: &[PathBuf]) -> Result<Trust, Unusable> {
    Trust::load(ca).map_err(|e| Unusable(e.to_string()))
}

fn of_signal(what: &'static str, signal: Signal, body: Vec<u8>, ca: &[PathBuf], way: &Way) -> Result<Errand, Unusable> {
    let way = match signal.certificate {
        Some(file) => Way { trust: Arc::new(trust(&[ca, &[file]].concat())?), ..way.clone() },
        None => way.clone(),
    };
    let (body, encoding) = match signal.gzip {
        true => (zipped(&body).map_err(|e| Unusable(format!("gzip: {e}")))?, Some("gzip")),
        false => (body, None),
    };
    let parcel = Parcel {
        to: signal.to,
        method: Method::Post,
        headers: signal.headers,
        content_type: "application/x-protobuf",
        encoding,
        key: String::new(),
        body: body.into(),
        timeout: signal.timeout,
        passing: OTLP_PASSING,
    };
    Ok(Errand { what, flag: "--otlp URL", parcel, way })
}

fn zipped(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Says where the report is that could not be sent, and how to send it again.
fn lost(report: &Report, json: &str, kept: Kept, flag: &str) {
    let (clause, file) = kept::keep(report, json, kept);
    say(&format!("rtc-check: {clause}; send it again with: rtc-check report {} {flag}", file.display()));
}

impl Errand {
    /// Sends it and says how that went; true where all of it was taken.
    async fn run(&self, quiet: bool) -> bool {
        let (what, to) = (self.what, &self.parcel.to);
        if !to.tls && !to.is_own() && !self.parcel.headers.is_empty() {
            say(&format!(
                "rtc-check: note: the headers for {to} go there in plain text, readable on the way; use https"
            ));
        }
        let again = |again: &Again<'_>| {
            if !quiet {
                let Again { why, wait, attempt, most } = again;
                say(&format!("rtc-check: {what}: {why}, trying again in {} ({attempt} of {most})", seconds(*wait)));
            }
        };
        let sent = tokio::select! {
            sent = push::deliver(&self.parcel, &self.way, Schedule::default(), again) => sent,
            () = signal::ended() => Err(format!("{to}: interrupted")),
        };
        match sent {
            Ok(taken) => self.taken(&taken, quiet),
            Err(why) => {
                let is_otlp = self.flag == "--otlp URL";
                let refused = ["answers 401", "answers 403"].iter().any(|code| why.contains(code));
                let hint = match () {
                    () if is_otlp && to.port == GRPC_PORT => {
                        "; 4317 is the port of gRPC, and OTLP over HTTP is usually on 4318"
                    }
                    () if is_otlp && refused => "; OTEL_EXPORTER_OTLP_HEADERS holds what it asks for",
                    () if refused => {
                        "; RTC_CHECK_UPLOAD_HEADERS holds what it asks for, such as `Authorization: Bearer …`"
                    }
                    () => "",
                };
                say(&format!("rtc-check: could not send {what}: {why}{hint}"));
                false
            }
        }
    }

    fn taken(&self, taken: &Taken, quiet: bool) -> bool {
        let (what, to) = (self.what, &self.parcel.to);
        let partial = match self.flag {
            "--otlp URL" => report::otlp::rejected(&taken.body),
            _ => None,
        };
        if let Some(rejected) = partial {
            // Who was sent a key may say it again.
            let said = if self.parcel.headers.is_empty() { rejected.message } else { String::new() };
            let said = if said.is_empty() { String::new() } else { format!(": \"{said}\"") };
            match rejected.count {
                0 => say(&format!("rtc-check: note: {to} took {what} and remarks on it{said}")),
                count => say(&format!("rtc-check: {to} left out {count} parts of {what}{said}")),
            }
            return rejected.count == 0;
        }
        if !quiet {
            say(&format!("rtc-check: sent {what} to {to} ({})", taken.status));
        }
        true
    }
}
