//! `rtc-check firewall`: the rules to ask for, from a plan or from a report. Looks names up and probes nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::StreamExt;

use crate::firewall::{self, Around, LeftOut};
use crate::model::Host;
use crate::model::firewall::Request;
use crate::net::{clock, resolve};
use crate::plan::{Families, Plan, UsageErrors};
use crate::profile::built_in;
use crate::report::firewall::{Form, Hook, Layout, draw};

use super::args::{As, CheckArgs, FirewallArgs, HookArg, Ip, TuningArgs};
use super::files::Output;
use super::media::MediaArgs;
use super::{Unusable, config, exit, output, report, request};

/// The longest time of one name's resolution.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Names that are looked up side by side.
const SIDE_BY_SIDE: usize = 16;

/// Writes the request; the exit code is 0 although it is empty.
pub fn command(args: FirewallArgs) -> Result<u8, Unusable> {
    let form = form(args.written.form);
    let families = families(args.ip);
    let mut asked = match &args.from_report {
        Some(_) => from_report(&args)?,
        None => from_plan(&args)?,
    };
    if !args.written.no_resolve {
        let failures = resolve_names(&mut asked)?;
        unresolved(&mut asked, form, failures)?;
    }
    keep_families(&mut asked, families);
    for opening in asked.unresolved().filter(|_| form.needs_addresses()) {
        let ports = opening.ports.map_or_else(String::new, |p| format!(" {p}"));
        let words = format!("{} {}{ports}", opening.host, opening.protocol.as_str());
        output::say(&format!("rtc-check: not opened, because it has no address here: {words}"));
    }
    if asked.opened.is_empty() {
        output::say("rtc-check: nothing to ask for");
    }
    let layout = Layout { hook: hook(args.written.hook), rules_only: args.written.rules_only };
    match args.written.output.as_deref().filter(|p| p.as_os_str() != "-") {
        Some(path) => {
            let style = output::plain(args.written.width);
            Output::open(path)?.replace(&draw(&asked, form, layout, &style))?;
            Ok(exit::PASS)
        }
        None => output::print(&draw(&asked, form, layout, &output::terminal(args.written.width))),
    }
}

fn form(form: As) -> Form {
    match form {
        As::Table => Form::Table,
        As::Csv => Form::Csv,
        As::Markdown => Form::Markdown,
        As::Nftables => Form::Nftables,
        As::Iptables => Form::Iptables,
        As::TerraformAws => Form::TerraformAws,
        As::Windows => Form::Windows,
    }
}

fn hook(hook: HookArg) -> Hook {
    match hook {
        HookArg::Output => Hook::Output,
        HookArg::Forward => Hook::Forward,
    }
}

fn families(ip: Option<Ip>) -> Families {
    match ip {
        Some(Ip::V4) => Families::V4,
        Some(Ip::V6) => Families::V6,
        Some(Ip::Both) | None => Families::Both,
    }
}

/// The same selection as the main job makes of the same flags and configuration.
fn from_plan(args: &FirewallArgs) -> Result<Request, Unusable> {
    let config = config::read(args.selection.config.as_deref(), &request::config_directories())?;
    let Some(name) = args.selection.profile.as_ref().or(config.profile.as_ref()) else {
        return Err(Unusable(
            "give a profile: rtc-check firewall --profile agent --target rtc=HOST --target acd=HOST\n\
             or the JSON report of a run: rtc-check firewall --from-report FILE"
                .to_owned(),
        ));
    };
    if let Some(path) = &config.path {
        output::say(&format!("rtc-check: using {}", path.display()));
    }
    let profile = request::load_profile(name)?;
    let selection = CheckArgs {
        selection: args.selection.clone(),
        tuning: TuningArgs { ip: args.ip, ..TuningArgs::default() },
        media: MediaArgs { stun: args.stun.clone(), turn: args.turn.clone(), ..MediaArgs::default() },
        ..CheckArgs::default()
    };
    let asked = request::build(&selection, &config)?;
    // What is to be typed is this command's.
    let typed =
        |e: UsageErrors| e.to_string().replace("type: rtc-check --profile", "type: rtc-check firewall --profile");
    let plan = Plan::new(&profile, &asked).map_err(|e| Unusable(typed(e)))?;
    let around = Around { resolvers: resolve::system_servers(), look_ups: args.resolvers, stun: asked.stun.clone() };
    Ok(firewall::from_plan(&plan, &profile, &around))
}

/// What failed in a report; how many checks are not asked for is said on stderr, each with its reason.
fn from_report(args: &FirewallArgs) -> Result<Request, Unusable> {
    let Some(file) = &args.from_report else { return Ok(Request::default()) };
    if args.written.output.as_ref() == Some(file) && file.as_os_str() != "-" {
        return Err(Unusable(format!("{}: is the report itself; give --output another file", file.display())));
    }
    let selection = &args.selection;
    let given = [
        &selection.targets,
        &selection.from,
        &selection.options,
        &selection.moved_ports,
        &selection.only,
        &selection.skip,
    ];
    if given.iter().chain(&[&args.stun, &args.turn]).any(|list| !list.is_empty()) {
        output::say(
            "rtc-check: note: the report says what was tested; --target, --from and other selections are not used",
        );
    }
    let saved = report::read(file)?;
    if !saved.redacted.is_empty() {
        return Err(Unusable(format!(
            "{}: is redacted, and no rule can be made of its tokens; take the report of the run itself",
            file.display()
        )));
    }
    if !saved.complete {
        output::say("rtc-check: note: the report's run ended before its time, so more may be closed");
    }
    let profile = match &selection.profile {
        Some(name) => Some(request::load_profile(name)?),
        None => built_in(&saved.run.profile),
    };
    let mended = firewall::from_report(&saved, profile.as_ref(), args.unknown);
    for (why, count) in &mended.left_out {
        output::say(&left_out(*why, *count));
    }
    Ok(mended.request)
}

fn left_out(why: LeftOut, count: usize) -> String {
    let checks = if count == 1 { "1 check is".to_owned() } else { format!("{count} checks are") };
    format!("rtc-check: {checks} not in the request: {}", why.words())
}

/// Gives every name without addresses its addresses, and returns why the others have none.
fn resolve_names(asked: &mut Request) -> Result<Vec<String>, Unusable> {
    let mut names: Vec<String> = Vec::new();
    for opening in asked.unresolved() {
        if let Host::Name(name) = &opening.host
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let runtime = super::runtime()?;
    let look_up = |name: String| async move {
        let report = resolve::look_up(&name, &[], TIMEOUT).await;
        (name, report)
    };
    let found = runtime.block_on(async {
        futures_util::stream::iter(names).map(look_up).buffered(SIDE_BY_SIDE).collect::<Vec<_>>().await
    });
    // A name that the operating system still looks up must not hold the process.
    runtime.shutdown_background();
    let failures = found.iter().filter_map(|(_, report)| report.failure.as_ref()).map(|f| f.detail.clone()).collect();
    let addresses: BTreeMap<String, Vec<IpAddr>> = found.into_iter().map(|(n, r)| (n, r.addresses)).collect();
    for opening in &mut asked.opened {
        if let (Host::Name(name), true) = (&opening.host, opening.addresses.is_empty()) {
            opening.addresses = addresses.get(name).cloned().unwrap_or_default();
        }
    }
    asked.note_age(&clock::rfc3339(&clock::utc()));
    Ok(failures)
}

/// Says which names have no address: an error where a form is made of addresses.
fn unresolved(asked: &mut Request, form: Form, failures: Vec<String>) -> Result<(), Unusable> {
    if form.needs_addresses() && !failures.is_empty() {
        return Err(Unusable(format!(
            "what filters by address needs one for every name:\n  {}\n\
             mend these, leave them out with --skip, or give --no-resolve to leave every name out",
            failures.join("\n  ")
        )));
    }
    asked.notes.extend(failures.into_iter().map(|failure| format!("No address is known: {failure}.")));
    Ok(())
}

/// Takes away the addresses, and the hosts, of a family that is not asked for.
fn keep_families(asked: &mut Request, families: Families) {
    asked.opened.retain(|o| match o.host {
        Host::Address(address) => families.takes(address),
        Host::Name(_) => true,
    });
    for opening in &mut asked.opened {
        opening.addresses.retain(|a| families.takes(*a));
    }
}
