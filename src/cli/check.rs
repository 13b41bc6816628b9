//! The main job: plan, run, judge, report.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::judge;
use crate::model::{CallMode, Ended, Event, Length, PortsMode, Report, Seen, Sink};
use crate::net::{self, chance};
use crate::plan::{self, Measuring, Plan, Request, Tuning};
use crate::probe::{LoginTries, RtspAsk, Settings};
use crate::profile::Profile;
use crate::run::{self, Context};

use super::args::{CheckArgs, TuningArgs};
use super::begun::Begun;
use super::config::Config;
use super::output::Outputs;
use super::{Unusable, config, media, output, proxies, push, request, secrets};

const TIMEOUT: Duration = Duration::from_secs(5);
const PACE: u32 = 4000;
const SAMPLE: PortsMode = PortsMode::Sample(12);

/// `rtc-check --profile …`.
pub fn command(mut args: CheckArgs) -> Result<u8, Unusable> {
    let Prepared { profile, job, .. } = prepare(&args)?;
    let ca = push::configured(&mut args)?;
    if args.dry_run {
        output::check_baseline(&args.output)?;
        let sent = push::describe(&args.output)?;
        return output::print(
            &(plan::describe(&job.plan, &job.tuning) + &proxies::describe(&job.logins.proxies) + &sent),
        );
    }
    job.trust.notes().iter().for_each(|note| output::say(&format!("rtc-check: note: {note}")));
    let named = job.plan.targets.values().flatten().map(ToString::to_string);
    let beside = args.tuning.dns.iter().map(ToString::to_string);
    let outputs = Outputs::open(&args.output)?.about(&profile, named.chain(beside));
    let outputs = outputs.by(&ca, Some(&job.logins.proxies))?;
    say_capacity(&job.plan, args.output.quiet);
    carry_out(job, outputs)
}

/// A run that can begin: what `--profile` and the flags come to.
pub struct Prepared {
    pub profile: Profile,
    pub job: Job,
    asked: Request,
}

impl Prepared {
    /// The job for a run that begins now: a machine may have come to another network since, with other resolvers, and a
    /// waiver may have expired.
    ///
    /// # Errors
    /// As [`Plan::new`] has them.
    pub fn renewed(&self, seed: u64) -> Result<Job, Unusable> {
        let asked =
            Request { resolvers: net::resolve::system_servers(), today: request::today(), ..self.asked.clone() };
        let plan = Plan::new(&self.profile, &asked).map_err(|e| Unusable(e.to_string()))?;
        Ok(Job { plan, seed, ..self.job.clone() })
    }
}

/// Reads the configuration, the profile and the secrets, and plans; nothing is sent and nothing printed but which
/// configuration file is used.
///
/// # Errors
/// No profile or one with mistakes, flags that do not fit it, files that cannot be read.
pub fn prepare(args: &CheckArgs) -> Result<Prepared, Unusable> {
    let config = config::read(args.selection.config.as_deref(), &request::config_directories())?;
    let Some(name) = args.selection.profile.as_ref().or(config.profile.as_ref()) else {
        return Err(Unusable(
            "give a profile: rtc-check --profile agent --target rtc=HOST --target acd=HOST\n\
             `rtc-check profiles list` names them all, `rtc-check demo` shows one at work, `rtc-check --help` has the rest"
                .to_owned(),
        ));
    };
    if let (Some(path), false) = (&config.path, args.output.quiet) {
        output::say(&format!("rtc-check: using {}", path.display()));
    }
    let profile = request::load_profile(name)?;
    let planned = planned(args, &config, &profile)?;
    let asked = planned.asked.clone();
    let ca: Vec<_> = args.tuning.ca.iter().chain(&config.ca).cloned().collect();
    let trust = net::tls::Trust::load(&ca).map_err(|e| Unusable(e.to_string()))?;
    let job = job(args, &config, planned, Arc::new(trust))?;
    Ok(Prepared { profile, job, asked })
}

/// What is to be asked of whom, before any secret is read.
pub struct Planned {
    pub plan: Plan,
    asked: Request,
}

/// Holds the flags and the configuration against a profile.
///
/// # Errors
/// Flags that do not fit it.
pub fn planned(args: &CheckArgs, config: &Config, profile: &Profile) -> Result<Planned, Unusable> {
    let asked = asked(args, config)?;
    let plan = Plan::new(profile, &asked).map_err(|e| Unusable(e.to_string()))?;
    Ok(Planned { plan, asked })
}

/// A plan with all that its run needs.
///
/// # Errors
/// Secrets that cannot be read.
pub fn job(args: &CheckArgs, config: &Config, planned: Planned, trust: Arc<net::tls::Trust>) -> Result<Job, Unusable> {
    let Planned { plan, asked } = planned;
    let media = media::media(&args.media, config)?;
    let tuning = Tuning {
        nat_lifetime: media.nat_lifetime,
        call_length: call_length(asked.measuring.length),
        ..tuning(&args.tuning)
    };
    let (key, logins) = (secrets::responder_key()?, secrets::logins(&media.proxy, plan.has_relays())?);
    secrets::trusted_files()?;
    Ok(Job {
        plan,
        tuning,
        trust,
        seed: args.tuning.seed.unwrap_or_else(chance::seed),
        dns: asked.dns,
        strict: args.output.strict || config.strict == Some(true),
        key,
        logins,
        call: asked.call,
        rtsp_path: args.tuning.rtsp_path.clone(),
        permit: None,
    })
}

/// What the flags and the configuration ask for, and the resolvers that this machine is configured to ask.
fn asked(args: &CheckArgs, config: &Config) -> Result<Request, Unusable> {
    let mut dns = args.tuning.dns.clone();
    for text in config.dns.iter().filter(|_| args.tuning.dns.is_empty()) {
        dns.push(super::args::dns_server(text).map_err(|e| Unusable(format!("dns: {text}: {e}")))?);
    }
    let mut portals = args.tuning.portal.clone();
    for text in config.portal.iter().filter(|_| args.tuning.portal.is_empty()) {
        portals.push(text.parse().map_err(|e| Unusable(format!("portal: {text}: {e}")))?);
    }
    Ok(Request { resolvers: net::resolve::system_servers(), dns, portals, ..request::build(args, config)? })
}

/// What a search for capacity may cost is told before it starts.
pub fn say_capacity(plan: &Plan, quiet: bool) {
    if let (Some(words), false) = (plan::capacity(plan), quiet) {
        output::say(&format!("rtc-check: --capacity: {words}"));
    }
}

/// What the flags say of probing, with the defaults.
pub fn tuning(args: &TuningArgs) -> Tuning {
    Tuning {
        timeout: args.timeout.unwrap_or(TIMEOUT),
        thorough: args.thorough,
        hold: args.hold,
        pace: args.pace.unwrap_or(PACE),
        ports: args.ports.unwrap_or(SAMPLE),
        nat_lifetime: None,
        call_length: call_length(Measuring::default().length),
        trace: !args.no_trace,
        budget: args.budget,
    }
}

/// A call is as long as the shortest train that says anything, or exactly as long as every train.
fn call_length(length: Length) -> Duration {
    match length {
        Length::Exact(time) => time,
        Length::Decided { least, .. } => least,
    }
}

/// A plan and all that its run needs; a clone of it runs the same again.
#[derive(Clone)]
pub struct Job {
    pub plan: Plan,
    pub tuning: Tuning,
    pub trust: Arc<net::tls::Trust>,
    pub seed: u64,
    pub dns: Vec<std::net::SocketAddr>,
    pub strict: bool,
    pub key: Option<Arc<net::ResponderKey>>,
    pub logins: secrets::Logins,
    pub call: CallMode,
    pub rtsp_path: Option<String>,
    /// Who may be asked; everybody without it.
    pub permit: Option<run::Permit>,
}

/// Runs, judges, writes; answers the exit code.
fn carry_out(job: Job, outputs: Outputs) -> Result<u8, Unusable> {
    let strict = job.strict;
    let runtime = super::runtime()?;
    let report = runtime.block_on(run(job, outputs.sink(), super::signal::ended()));
    // A name that the operating system still looks up must not hold the process.
    runtime.shutdown_background();
    Ok(outputs.write(&report, strict))
}

/// Runs a job and judges it; it is interrupted when `until` comes true, and what is known by then is reported.
pub async fn run(job: Job, sink: Arc<dyn Sink>, until: impl Future<Output = ()> + Send + 'static) -> Report {
    let begun = Begun::now(job.seed);
    sink.event(&begun.event(&job.plan.profile));
    let cancel = CancellationToken::new();
    let ended = Arc::new(OnceLock::new());
    // It begins to run down here, however long the runtime takes to look at it first.
    let budget = job.tuning.budget.map(tokio::time::sleep);
    let watch = tokio::spawn(watch(cancel.clone(), until, budget, Arc::clone(&ended)));
    let plan = Arc::new(job.plan.clone());
    let (strict, for_judge, for_stands) = (job.strict, Arc::clone(&plan), Arc::clone(&plan));
    let context = Context {
        settings: settings(&job),
        tries: LoginTries::default(),
        tuning: job.tuning,
        dns: job.dns.clone(),
        sink: Arc::clone(&sink),
        cancel,
        judge: Arc::new(move |seen: &Seen| judge::judge_one(&for_judge, seen, strict)),
        stands: Arc::new(move |measure, load, estimates| judge::stands(&for_stands, measure, load, estimates)),
        permit: job.permit.clone(),
        start: begun.start,
    };
    let seen = run::run(&plan, Arc::new(context)).await;
    watch.abort();
    let meta = begun.ends(ended.get().copied(), strict);
    let report = judge::judge(&plan, &seen, &meta);
    for finding in &report.findings {
        sink.event(&Event::Finding { finding: Box::new(finding.clone()) });
    }
    sink.event(&Event::Finished { verdict: report.verdict, at_ms: meta.duration_ms });
    report
}

fn settings(job: &Job) -> Settings {
    Settings {
        tls: Arc::clone(&job.trust),
        thorough: job.tuning.thorough,
        hold: job.tuning.hold,
        ports: job.tuning.ports,
        pace: job.tuning.pace,
        seed: job.seed,
        responder_key: job.key.clone(),
        relay_login: job.logins.relay.clone(),
        janus: Arc::clone(&job.logins.janus),
        rtsp: Arc::new(RtspAsk { path: job.rtsp_path.clone(), login: job.logins.rtsp.clone() }),
        proxies: Arc::clone(&job.logins.proxies),
        nat_lifetime: job.tuning.nat_lifetime,
        call: job.call,
        page_ports: Arc::new(job.plan.page_ports()),
    }
}

/// Ends the run when `until` comes true (Ctrl-C, SIGTERM), or when its budget is used up.
async fn watch(
    cancel: CancellationToken,
    until: impl Future<Output = ()>,
    budget: Option<tokio::time::Sleep>,
    ended: Arc<OnceLock<Ended>>,
) {
    let spent = async {
        match budget {
            Some(budget) => budget.await,
            None => std::future::pending().await,
        }
    };
    let why = tokio::select! {
        () = until => Ended::Interrupted,
        () = spent => Ended::Budget,
    };
    let _ = ended.set(why);
    cancel.cancel();
}
