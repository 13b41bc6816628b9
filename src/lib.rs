//! rtc-check: a pre-flight tester for real-time-communication networks.
//!
//! The program is five calls, downhill and never back: [`profile::load`] reads the rules of a vendor's document,
//! [`plan::Plan::new`] decides what to ask of whom, [`run::run`] asks, [`judge::judge`] holds what was seen against the
//! rules, and [`report`] draws the result. A probe never sees a limit, the judge never sees a socket, a renderer never
//! sees a profile. `tests/floors.rs` holds every module to the imports its floor allows.

pub mod cli;
pub mod compare;
pub mod explain;
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
pub mod web;
pub mod wire;
