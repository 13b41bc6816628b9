//! Cores and memory against the document's table of servers.

use super::{GIB, Judged, counted, gibibytes};
use crate::model::machine::{Memory, Processors};
use crate::model::{LimitResult, LimitSource, Status, default_source};
use crate::plan::HostPlan;
use crate::profile::ServerSize;

/// Firmware, graphics and the kernel keep some of what is built in (a machine of 4 GiB tells 3.7 to 3.9), and the next
/// smaller size that is sold has a quarter less: a tenth tells the two apart.
const KEPT_BY_SYSTEM: f64 = 0.1;

/// Cores, as the kernel counts them. Threads of one core are told apart only where the machine is no guest: of a guest,
/// and of the document's own references at a cloud, a processor is what the hypervisor calls one.
pub fn cores(plan: &HostPlan, has: &Processors) -> Judged {
    let (usable, words) = (has.usable(), cores_words(has));
    let row = match row(plan) {
        Row::None => return informs(plan, words, |size| size.cores.least <= usable),
        Row::TooMany(judged) => return judged,
        Row::Of(row) => row,
    };
    let least = row.cores.least;
    let threads_only = !has.is_guest && has.physical.is_some_and(|p| p < least);
    let status = match usable >= least {
        false => Status::Fail,
        true if threads_only => Status::Warn,
        true => Status::Pass,
    };
    let asks = format!("the document asks for {} for {} channels", range_words(row), row.channels);
    let reason = match status {
        Status::Fail => format!("{words}: {asks}; give the machine at least {}", counted(least, "core", "cores")),
        Status::Warn => format!("{words}: {asks}, which only hardware threads make up"),
        _ => format!("{words}: {asks}"),
    };
    let source = LimitSource::Document(row.source.clone());
    let limit = limit("cores", "cores", f64::from(least), f64::from(usable), status, source);
    Judged { status, reason, limits: vec![limit] }
}

/// Memory, as the kernel tells it: a tenth below what the document names is still that size.
pub fn memory(plan: &HostPlan, has: &Memory) -> Judged {
    let (usable, words) = (has.usable_bytes() as f64, memory_words(has));
    let least = |size: &ServerSize| size.memory_gb * GIB * (1.0 - KEPT_BY_SYSTEM);
    let row = match row(plan) {
        Row::None => return informs(plan, words, |size| usable >= least(size)),
        Row::TooMany(judged) => return judged,
        Row::Of(row) => row,
    };
    let status = if usable >= least(row) { Status::Pass } else { Status::Fail };
    let asks = format!(
        "the document asks for {} GB for {} channels, of which a tenth is taken to be kept by firmware and kernel",
        row.memory_gb, row.channels
    );
    let reason = match status {
        Status::Fail => format!("{words}: {asks}; give the machine {} GB", row.memory_gb),
        _ => format!("{words}: {asks}"),
    };
    // The tenth is no document's, so the bound that it makes is not either.
    let limit = limit("memory_bytes", "bytes", least(row), usable, status, default_source());
    Judged { status, reason, limits: vec![limit] }
}

enum Row<'a> {
    /// No number of channels was asked for, or there is no table.
    None,
    /// One server holds fewer.
    TooMany(Judged),
    Of(&'a ServerSize),
}

/// The smallest server of the table that holds the channels.
fn row(plan: &HostPlan) -> Row<'_> {
    let Some(channels) = plan.channels else { return Row::None };
    let Some(largest) = plan.sizing.servers.last() else { return Row::None };
    match plan.sizing.servers.iter().find(|s| s.channels >= channels) {
        Some(row) => Row::Of(row),
        None => {
            let servers = channels.div_ceil(largest.channels.max(1));
            let each = channels.div_ceil(servers.max(1));
            Row::TooMany(Judged::new(
                Status::Unknown,
                format!(
                    "the document's table ends at {} channels on one server: share {channels} among {servers} servers, and ask for --channels {each} on each",
                    largest.channels
                ),
            ))
        }
    }
}

/// What a machine has that nobody asked for a size of; where the document has a table, how far it would do.
fn informs(plan: &HostPlan, words: String, holds: impl Fn(&ServerSize) -> bool) -> Judged {
    let Some(smallest) = plan.sizing.servers.first().filter(|_| plan.is_server()) else {
        return Judged::new(Status::Pass, words);
    };
    let reason = match plan.sizing.servers.iter().rev().find(|s| holds(s)) {
        Some(size) => format!(
            "{words}: what the document asks for {} channels; hold it to a number with --channels",
            size.channels
        ),
        None => format!("{words}: less than the document asks for {} channels", smallest.channels),
    };
    Judged::new(Status::Pass, reason)
}

fn range_words(row: &ServerSize) -> String {
    match row.cores.most {
        1 => "1 core".to_owned(),
        _ => format!("{} cores", row.cores),
    }
}

fn cores_words(has: &Processors) -> String {
    let usable = has.usable();
    let cores = counted(usable, "core", "cores");
    let of_these = match has.physical.filter(|p| *p < has.logical && !has.is_guest) {
        Some(physical) => format!(" (hardware threads, of {physical})"),
        None => String::new(),
    };
    match usable < has.logical {
        true => format!("{cores} of {} that the machine has are the container's", has.logical),
        false => format!("{cores}{of_these}"),
    }
}

fn memory_words(has: &Memory) -> String {
    let total = gibibytes(has.total_bytes as f64);
    match has.limit_bytes.filter(|l| *l < has.total_bytes) {
        Some(limit) => format!("{} of {total} that the machine has are the container's", gibibytes(limit as f64)),
        None => format!("{total} of memory"),
    }
}

fn limit(metric: &str, unit: &str, limit: f64, observed: f64, status: Status, source: LimitSource) -> LimitResult {
    LimitResult {
        metric: metric.to_owned(),
        op: ">=".to_owned(),
        limit: limit.round(),
        observed: Some(observed),
        ci95: None,
        unit: unit.to_owned(),
        status,
        source,
    }
}
