//! Distribution and architecture against the document's rows.

use super::Judged;
use crate::model::Status;
use crate::model::machine::Distribution;
use crate::plan::{Day, HostPlan};
use crate::profile::{Between, PlatformKind};

/// The distribution. A row that names one distribution is not met by another, its kin included; a release that is newer
/// than the document only warns, because the document could not know it.
pub fn distribution(plan: &HostPlan, is: &Distribution) -> Judged {
    match plan.distribution().map(|row| &row.kind) {
        Some(PlatformKind::Distribution { id, releases }) => releases_of(is, id, *releases),
        Some(PlatformKind::LatestLts(id)) => latest_lts(is, id, plan.today),
        _ => Judged::new(Status::Pass, format!("{}; no document asks for a distribution here", is.name)),
    }
}

fn releases_of(is: &Distribution, id: &str, releases: Between) -> Judged {
    let (name, title) = (&is.name, titled(id));
    if is.id != id {
        return other(is, id, &format!("{title} {releases}"), &format!("{title} {}", releases.most));
    }
    let ask = format!("ask the vendor whether the platform runs over it, or install {title} {}", releases.most);
    match release(is) {
        Some(n) if releases.contains(n) => {
            Judged::new(Status::Pass, format!("{name}: the document names {title} {releases}"))
        }
        Some(n) if n > releases.most => Judged::new(
            Status::Warn,
            format!("{name} is newer than the document, which ends at {}: {ask}", releases.most),
        ),
        Some(_) => Judged::new(
            Status::Fail,
            format!("{name} is older than the document's {title} {releases}: install {title} {}", releases.most),
        ),
        // A Debian without a number is testing or unstable, which come after the last release.
        None if is.version.is_none() => Judged::new(
            Status::Warn,
            format!("{name} has no release number and is newer than the document knows: {ask}"),
        ),
        None => Judged::new(
            Status::Unknown,
            format!("{name} calls its release `{}`, which is no number", is.version.as_deref().unwrap_or_default()),
        ),
    }
}

fn other(is: &Distribution, id: &str, wanted: &str, install: &str) -> Judged {
    let (name, title) = (&is.name, titled(id));
    let kin = is.based_on.iter().any(|b| b == id);
    let what = if kin { format!("descends from {title}, but is none") } else { format!("is no {title}") };
    let reason = format!("{name} {what}, and the document names {wanted} alone: install {install}");
    Judged::new(Status::Fail, reason)
}

/// The newest release with long-term support: that of April of the last even year, as Ubuntu has them since 2006.
fn latest_lts(is: &Distribution, id: &str, today: Option<Day>) -> Judged {
    let (name, title) = (&is.name, titled(id));
    let latest = today.map(newest_lts);
    let install = match &latest {
        Some(latest) => format!("{title} {latest} LTS"),
        None => format!("the latest {title} LTS"),
    };
    if is.id != id {
        return other(is, id, &format!("the latest LTS version of {title}"), &install);
    }
    let is_lts = is.version_words.as_deref().is_some_and(|v| v.contains("LTS"));
    match (is_lts, &latest, is.version.as_deref()) {
        (false, ..) => Judged::new(
            Status::Warn,
            format!(
                "{name} has no long-term support, and the document asks for the latest LTS version: install {install}"
            ),
        ),
        (true, Some(latest), Some(version)) if latest == version => {
            Judged::new(Status::Pass, format!("{name} is the latest LTS version, as the document asks"))
        }
        (true, Some(latest), _) => Judged::new(
            Status::Warn,
            format!(
                "{name} is an LTS version, but not the latest, which is {latest}: ask the vendor which one it supports"
            ),
        ),
        (true, None, _) => {
            Judged::new(Status::Unknown, format!("{name} is an LTS version; whether it is the latest, no clock tells"))
        }
    }
}

/// `26.04`: a year's release is counted from its May on.
fn newest_lts(today: Day) -> String {
    let out = |year: &i16| Day::new(2000 + year, 5, 1).is_some_and(|day| day <= today);
    let newest = (6..=98).step_by(2).rev().find(out).unwrap_or(6);
    format!("{newest:02}.04")
}

/// The number that a release begins with.
fn release(is: &Distribution) -> Option<u32> {
    is.version.as_deref()?.split('.').next()?.parse().ok()
}

/// `Debian` of `debian`.
fn titled(id: &str) -> String {
    let mut letters = id.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The architecture.
pub fn architecture(plan: &HostPlan, is: &str) -> Judged {
    match plan.architecture().map(|row| &row.kind) {
        Some(PlatformKind::Architecture(wanted)) if wanted == is => {
            Judged::new(Status::Pass, format!("{is}, as the document asks"))
        }
        Some(PlatformKind::Architecture(wanted)) => Judged::new(
            Status::Fail,
            format!("{is}: the platform's programs are made for {wanted}; take a machine of that architecture"),
        ),
        _ => Judged::new(Status::Pass, format!("{is}; no document asks for an architecture here")),
    }
}
