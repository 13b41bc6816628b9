//! rtc-check: a pre-flight tester for real-time-communication networks.
//!
//! The program is five calls, downhill and never back: [`profile::load`] reads the rules of a vendor's document,
//! [`plan::Plan::new`] decides what to ask of whom, [`run::run`] asks, [`judge::judge`] holds what was seen against the
//! rules, and [`report`] draws the result. A probe never sees a limit, the judge never sees a socket, a renderer never
//! sees a profile. `tests/floors.rs` holds every module to the imports its floor allows.
//!
//! # In another program
//!
//! The same calls embed a run; `examples/embed.rs` is the whole of it, against a responder in the same process. Nothing is
//! printed, no environment is read and no file is written but by what the caller hands in; [`cli`] alone does that.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use rtc_check::judge::{self, Meta};
//! use rtc_check::model::{Host, Seen};
//! use rtc_check::net::{clock, tls::Trust};
//! use rtc_check::plan::{Plan, Request, Tuning};
//! use rtc_check::probe::Settings;
//! use rtc_check::report::{Format, Style, render};
//! use rtc_check::run::{self, Context};
//!
//! # async fn embedded() -> Result<(), Box<dyn std::error::Error>> {
//! let profile = rtc_check::profile::built_in("user").ok_or("no such profile")?;
//! let host: Host = "rtc.example.com".parse()?;
//! let request = Request { targets: [("rtc".into(), vec![host])].into(), ..Request::default() };
//! let plan = Arc::new(Plan::new(&profile, &request)?);
//!
//! let settings = Settings { page_ports: Arc::new(plan.page_ports()), ..Settings::new(Arc::new(Trust::load(&[])?), 7) };
//! let (one, several) = (Arc::clone(&plan), Arc::clone(&plan));
//! let context = Context::new(
//!     settings,
//!     Tuning::default(),
//!     Arc::new(move |seen: &Seen| judge::judge_one(&one, seen, false)),
//!     Arc::new(move |measure, load, estimates| judge::stands(&several, measure, load, estimates)),
//! );
//! let (start, started) = (context.start, clock::rfc3339(&clock::utc()));
//! let seen = run::run(&plan, Arc::new(context)).await;
//!
//! let meta = Meta {
//!     version: "1.0.0".to_owned(),
//!     id: "site-7".to_owned(),
//!     started,
//!     finished: clock::rfc3339(&clock::utc()),
//!     duration_ms: u64::try_from(clock::now().duration_since(start).as_millis())?,
//!     seed: 7,
//!     ended: None,
//!     strict: false,
//! };
//! let report = judge::judge(&plan, &seen, &meta);
//! let json = render(&report, Format::Json, &Style::default());
//! # drop(json);
//! # Ok(())
//! # }
//! ```
//!
//! A run needs a Tokio runtime with threads, time and I/O. It is ended early by the context's `cancel`, tells its events to
//! the context's `sink`, and never fails: a network that does is a report.

pub mod bundle;
pub mod cli;
pub mod compare;
pub mod explain;
pub mod exporter;
pub mod firewall;
pub mod judge;
pub mod model;
pub mod net;
pub mod plan;
pub mod probe;
pub mod profile;
pub mod redact;
pub mod report;
pub mod run;
pub mod serve;
pub mod session;
pub mod size;
pub mod stats;
pub mod watch;
pub mod web;
pub mod wire;
