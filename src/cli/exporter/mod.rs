//! `rtc-check exporter`: scrapes of Prometheus into runs, and runs into its text. Each probe is prepared and carried out as
//! the main job is; what a query may ask for is decided in [`crate::exporter`].

mod door;
mod listen;
mod log;
mod page;
mod probe;
mod process;
mod routes;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::exporter::{AllowList, Tally};
use crate::net;
use crate::profile::{self, Profile};

use super::args::ExporterArgs;
use super::config::{self, Config};
use super::{Unusable, exit, request, secrets};

use door::Door;
use log::Log;

/// How long open connections and runs are given to end when the exporter does.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// What every probe shares.
struct Site {
    profiles: BTreeMap<String, Profile>,
    /// Where a query names none.
    profile: Option<String>,
    config: Config,
    allow: Arc<AllowList>,
    /// Loaded once: a probe costs no look at the system's certificates.
    trust: Arc<net::tls::Trust>,
    /// Places for probes.
    room: Arc<Semaphore>,
    max_probes: usize,
    tally: Arc<Tally>,
    log: Log,
    /// The exporter ends.
    stop: CancellationToken,
    /// Runs and connections.
    tasks: TaskTracker,
    started: Duration,
}

/// `rtc-check exporter …`: until Ctrl-C or SIGTERM.
pub fn command(args: ExporterArgs) -> Result<u8, Unusable> {
    let log = Log::new(args.log_json);
    if args.allow.is_empty() {
        return Err(Unusable(
            "exporter: nothing may be probed yet: give --allow HOST, --allow '*.DOMAIN' or --allow NETWORK/BITS for each \
             target (`--allow any` lets everyone who reaches this exporter probe every host from here)"
                .to_owned(),
        ));
    }
    let config = match &args.config {
        Some(path) => config::read(Some(path), &[])?,
        None => Config::default(),
    };
    for (set, key) in [(config.capacity == Some(true), "capacity"), (config.nat_lifetime.is_some(), "nat-lifetime")] {
        if set {
            return Err(Unusable(format!(
                "{key} in the configuration file: is not for scrapes, it takes too long or sends too much"
            )));
        }
    }
    // What is wrong with the environment is told now and not by the first scrape.
    secrets::responder_key()?;
    secrets::trusted_files()?;
    let ca: Vec<_> = args.ca.iter().chain(&config.ca).cloned().collect();
    let trust = net::tls::Trust::load(&ca).map_err(|e| Unusable(e.to_string()))?;
    trust.notes().iter().for_each(|note| log.note(note));
    let mut profiles = profiles(&args)?;
    let profile = config.profile.as_deref().map(|name| default_profile(name, &mut profiles)).transpose()?;
    let tally = Arc::new(Tally::default());
    let door = Door::open(args.web_config.clone(), Arc::clone(&tally), log).map_err(Unusable)?;
    let max_probes = usize::from(args.max_probes);
    let site = Site {
        profiles,
        profile,
        config,
        allow: Arc::new(AllowList::new(args.allow.clone())),
        trust: Arc::new(trust),
        room: Arc::new(Semaphore::new(max_probes)),
        max_probes,
        tally,
        log,
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
        started: net::clock::wall(),
    };
    process::raise_descriptors();
    let runtime = super::runtime()?;
    let ended = runtime.block_on(serve(&args, site, door));
    // A name that the operating system still looks up must not hold the process.
    runtime.shutdown_background();
    ended
}

async fn serve(args: &ExporterArgs, site: Site, door: Door) -> Result<u8, Unusable> {
    let listener = listen::bind(&args.listen).map_err(|e| Unusable(format!("--listen {}: {e}", args.listen)))?;
    let local = listener.local_addr().map_err(|e| Unusable(format!("--listen {}: {e}", args.listen)))?;
    let (site, door) = (Arc::new(site), Arc::new(door));
    if site.allow.is_open() {
        site.log.note(
            "--allow any: everyone who reaches this exporter may have any host probed from this machine, with the logins \
             of this environment; a list of hosts is safer",
        );
    }
    let scheme = if door.current().tls.is_some() { "https" } else { "http" };
    // The first poll of `ended` takes the signals over: only then is it true that they end the exporter.
    let taking = async {
        site.log.note(&format!("listening on {scheme}://{local}; probes of {} are allowed", site.allow));
        site.log.note("ready; Ctrl-C or SIGTERM ends it");
        listen::take_all(listener, Arc::clone(&site), Arc::clone(&door)).await;
    };
    tokio::select! {
        biased;
        () = super::signal::ended() => {}
        () = taking => {}
    }
    site.stop.cancel();
    site.tasks.close();
    let _ = tokio::time::timeout(STOP_WITHIN, site.tasks.wait()).await;
    site.log.note("stopped");
    Ok(exit::PASS)
}

/// The built-in ones and those of the files, by their names.
fn profiles(args: &ExporterArgs) -> Result<BTreeMap<String, Profile>, Unusable> {
    let built_in =
        profile::BUILT_IN.iter().filter_map(|(name, _)| Some(((*name).to_owned(), profile::built_in(name)?)));
    let mut all: BTreeMap<String, Profile> = built_in.collect();
    for path in &args.profiles {
        add(path, &mut all)?;
    }
    Ok(all)
}

/// Reads a file into the profiles; answers its name.
fn add(path: &Path, all: &mut BTreeMap<String, Profile>) -> Result<String, Unusable> {
    let text = path.to_str().ok_or_else(|| Unusable(format!("--profile {}: is not UTF-8 text", path.display())))?;
    if all.contains_key(text) {
        return Ok(text.to_owned());
    }
    let profile = request::load_profile(text)?;
    let name = profile.name.clone();
    match all.contains_key(&name) {
        true => Err(Unusable(format!("{text}: there is a profile `{name}` already: give this one another name"))),
        false => {
            all.insert(name.clone(), profile);
            Ok(name)
        }
    }
}

/// The configuration's profile: a name, or a file that is read too.
fn default_profile(name: &str, all: &mut BTreeMap<String, Profile>) -> Result<String, Unusable> {
    match all.contains_key(name) {
        true => Ok(name.to_owned()),
        false => add(Path::new(name), all),
    }
}
