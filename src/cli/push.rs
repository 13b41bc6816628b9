//! Sends a report that is written: `--upload` and `--otlp`. Nothing is sent that was not asked for by a flag, its variable or
//! the configuration file; what cannot be sent is kept and said.

mod errand;
mod kept;
mod otlp;
mod repeated;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Report;
use crate::net::push::{Destination, Headers, Method, Parcel, Way};
use crate::net::{host::Root, proxy::Proxies, tls::Trust};
use crate::probe::host::Machine;
use crate::report::{self, Format, Style};

use super::args::{CheckArgs, OutputArgs, PushArgs, UploadMethod};
use super::output::say;
use super::{Unusable, config, proxies, request, secrets};

use errand::Errand;
pub use kept::Kept;
use otlp::Otlp;
pub use repeated::{PATIENCE, Repeated, WHOLE};

/// One attempt to upload.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Statuses after which an upload is tried again.
const PASSING: &[u16] = &[408, 429, 502, 503, 504];

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
        self.way = Some(way(ca, proxies)?);
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
        self.notes().iter().for_each(|note| say(&format!("rtc-check: note: {note}")));
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

    /// What is worth knowing before anything is sent.
    pub fn notes(&self) -> Vec<String> {
        let upload = self.upload.iter().map(|upload| (&upload.to, &upload.headers));
        let signals = [&self.otlp.traces, &self.otlp.metrics].into_iter().flatten();
        let all = upload.chain(signals.map(|signal| (&signal.to, &signal.headers)));
        let mut notes = self.otlp.notes.clone();
        notes.extend(all.filter_map(|(to, headers)| errand::in_plain_text(to, headers)));
        notes.dedup();
        notes
    }

    fn errands(&self, report: &Report, json: &str) -> Result<Vec<Errand>, Unusable> {
        let way = match &self.way {
            Some(way) => way.clone(),
            None => way(&[], None)?,
        };
        let mut errands = Vec::new();
        if let Some(Upload { to, method, headers, timeout }) = &self.upload {
            let parcel = Parcel {
                to: to.clone(),
                method: *method,
                headers: headers.clone(),
                content_type: "application/json",
                encoding: None,
                key: kept::id(report),
                body: json.to_owned().into(),
                timeout: *timeout,
                passing: PASSING,
            };
            errands.push(Errand { what: "the report", flag: "--upload URL", parcel, way: way.clone() });
        }
        let sender = report::otlp::Sender {
            host: Some(Machine::new(Root::default()).name()).filter(|name| !name.is_empty()),
            ..self.otlp.sender.clone()
        };
        if let Some(signal) = &self.otlp.traces {
            let body = report::otlp::encoded(&report::otlp::traces(report, &sender));
            errands.push(Errand::of_signal("the trace", signal, body, &self.ca, &way)?);
        }
        if let Some(signal) = &self.otlp.metrics {
            let body = report::otlp::encoded(&report::otlp::metrics(report, &sender));
            errands.push(Errand::of_signal("the metrics", signal, body, &self.ca, &way)?);
        }
        Ok(errands)
    }
}

/// With these authorities beside the machine's; without proxies given, those of the environment.
fn way(ca: &[PathBuf], proxies: Option<&Arc<Proxies>>) -> Result<Way, Unusable> {
    let proxies = match proxies {
        Some(proxies) => Arc::clone(proxies),
        None => secrets::proxies(&proxies::ProxyWords::default())?,
    };
    secrets::trusted_files()?;
    Ok(Way { trust: Arc::new(trust(ca)?), proxies })
}

fn trust(ca: &[PathBuf]) -> Result<Trust, Unusable> {
    Trust::load(ca).map_err(|e| Unusable(e.to_string()))
}

/// Says where the report is that could not be sent, and how to send it again.
fn lost(report: &Report, json: &str, kept: Kept, flag: &str) {
    let (clause, file) = kept::keep(report, json, kept);
    say(&format!("rtc-check: {clause}; send it again with: rtc-check report {} {flag}", file.display()));
}
