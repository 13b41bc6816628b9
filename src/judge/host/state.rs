//! Room for recordings, and the clock: no document limits them.

use super::{Judged, gigabytes};
use crate::model::Status;
use crate::model::machine::{Disk, Synchronisation};
use crate::plan::HostPlan;

/// The room where recordings may lie, and for how long it would do by the document's table.
pub fn disk(plan: &HostPlan, has: &Disk) -> Judged {
    let free = format!("{} of {} free at {}", gigabytes(has.free_bytes), gigabytes(has.total_bytes), has.path);
    let channels = plan.channels.unwrap_or(1).max(1);
    let hour = |mode: &str| plan.sizing.recordings.iter().find(|r| r.mode == mode && r.minutes == 60);
    let modes = plan.sizing.modes.iter().filter_map(|mode| Some((mode.name.as_str(), hour(&mode.name)?.megabytes)));
    let hours = modes.map(|(mode, megabytes)| {
        let hours = has.free_bytes as f64 / 1e6 / megabytes / f64::from(channels);
        format!("{hours:.0} h in mode {mode}")
    });
    let hours: Vec<String> = hours.collect();
    let of = if channels == 1 { "one call".to_owned() } else { format!("{channels} calls at once") };
    let reason = match hours.is_empty() || !plan.is_server() {
        true => free,
        false => format!("{free}: recordings of {of} fill it in {}", hours.join(", ")),
    };
    Judged::new(Status::Pass, reason)
}

/// Whether a time service keeps the clock. A kernel that was told nothing is no proof of a wrong clock.
pub fn clock(is: &Synchronisation) -> Judged {
    if is.is_synchronised {
        let off = is.max_error_ms;
        return Judged::new(Status::Pass, format!("a time service keeps the clock, which is at most {off:.0} ms off"));
    }
    Judged::new(
        Status::Warn,
        "no time service has told the kernel that it keeps the clock: start chrony or systemd-timesyncd (a clock that a \
         hypervisor sets is not seen here); certificates are refused by a machine whose clock is wrong",
    )
}
