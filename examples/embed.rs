//! The probes inside another program: a responder and a run against it, both in this process, on loopback.
//!
//! `cargo run --example embed`
#![allow(clippy::print_stdout, clippy::indexing_slicing, reason = "an example")]

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rtc_check::judge::{self, Meta};
use rtc_check::model::{CallMode, Host, PortRange, Report, RuleId, Seen};
use rtc_check::net::{clock, tls::Trust};
use rtc_check::plan::{Plan, Request, Tuning};
use rtc_check::probe::Settings;
use rtc_check::profile::{self, Profile};
use rtc_check::report::{Format, Style, render};
use rtc_check::run::{self, Context};
use rtc_check::serve::{self, Config, Limits, Ports, Responder, ServeRule};

/// What the network has to let through. A profile of your own is a file; see `rtc-check profiles show agent`.
const PROFILE: &str = r#"
name = "two-doors"
title = "A STUN server and a web server"
vantages = ["client"]
[documents]
own = "Our own requirements"
[roles.edge]
description = "the edge of our platform"
[stun."edge.stun"]
to = "edge"
port = 3478
need = "required"
source = { document = "own", section = "Edge", row = "STUN | UDP | 3478" }
[https."edge.https"]
to = "edge"
port = 443
need = "required"
source = { document = "own", section = "Edge", row = "HTTPS | TCP | 443" }
"#;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let profile = profile::load("two-doors.toml", PROFILE).map_err(|e| e.to_string())?;
    let (responder, trust) = responder(&profile).await?;
    let moved = responder.bound().iter().map(|b| (b.rule.clone(), b.ports.ranges()[0])).collect();
    let report = check(&profile, Host::Address(HERE), moved, trust).await?;
    println!("{}", render(&report, Format::Table, &Style::default()));
    responder.stop().await;
    Ok(())
}

/// Stands in for the platform, on ports that the kernel chooses.
async fn responder(profile: &Profile) -> Result<(Responder, Trust), Box<dyn Error>> {
    let (authority, tls) = serve::self_signed(&[HERE.to_string()])?;
    let services = profile.rules.iter().map(|rule| ServeRule {
        id: rule.id.clone(),
        role: rule.to.clone(),
        bind: vec![HERE],
        ports: Ports::Free,
        service: rule.service,
        transport: rule.transport,
        subprotocol: None,
    });
    let config = Config {
        services: services.collect(),
        tls,
        key: None,
        limits: Limits::default(),
        alternate: Default::default(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Ok((Responder::start(config).await?, Trust::only_pem(&authority.0)))
}

/// Plans, runs and judges.
async fn check(
    profile: &Profile,
    edge: Host,
    ports: std::collections::BTreeMap<RuleId, PortRange>,
    trust: Trust,
) -> Result<Report, Box<dyn Error>> {
    let request = Request {
        targets: [("edge".into(), vec![edge])].into(),
        ports,
        only: vec!["edge.stun".to_owned(), "edge.https".to_owned()],
        call: CallMode::Never,
        ..Request::default()
    };
    let plan = Arc::new(Plan::new(profile, &request)?);
    let (one, several) = (Arc::clone(&plan), Arc::clone(&plan));
    let settings = Settings { page_ports: Arc::new(plan.page_ports()), ..Settings::new(Arc::new(trust), 7) };
    let context = Context::new(
        settings,
        Tuning::default(),
        Arc::new(move |seen: &Seen| judge::judge_one(&one, seen, false)),
        Arc::new(move |measure, load, estimates| judge::stands(&several, measure, load, estimates)),
    );
    let (start, started) = (context.start, clock::rfc3339(&clock::utc()));
    let seen = run::run(&plan, Arc::new(context)).await;
    let meta = Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        id: "embedded-1".to_owned(),
        started,
        finished: clock::rfc3339(&clock::utc()),
        duration_ms: u64::try_from(clock::now().duration_since(start).as_millis())?,
        seed: 7,
        ended: None,
        strict: false,
    };
    Ok(judge::judge(&plan, &seen, &meta))
}
