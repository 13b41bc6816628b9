//! The page at `/`: where to go from here, for whoever opens the exporter in a browser.

use maud::{DOCTYPE, html};

use super::Site;

/// What a profile's query looks like.
fn example(name: &str, site: &Site) -> Option<String> {
    let profile = site.profiles.get(name)?;
    let needed = profile.roles.iter().filter(|(_, role)| role.hosts.is_empty() && !role.optional);
    let targets: String = needed.map(|(role, _)| format!("&target.{role}=HOST")).collect();
    Some(format!("/probe?profile={name}{targets}"))
}

pub(super) fn page(site: &Site) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "rtc-check exporter" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
            }
            body {
                h1 { "rtc-check exporter " (env!("CARGO_PKG_VERSION")) }
                p { "Each scrape of " code { "/probe" } " is a run of rtc-check against the hosts that the query names, if the operator allows them." }
                ul {
                    li { a href="/metrics" { "Metrics of the exporter itself" } }
                    li { a href="/-/healthy" { "Healthy" } ", " a href="/-/ready" { "ready" } }
                }
                h2 { "Profiles" }
                ul {
                    @for (name, profile) in &site.profiles {
                        li { (profile.title) @if let Some(query) = example(name, site) { ": " code { (query) } } }
                    }
                }
                p { "Further parameters: from, option.NAME, only, skip, allow-unknown, ip, strict, quality and timeout. In relabelling, "
                    code { "target_ROLE" } " stands for " code { "target.ROLE" } "." }
            }
        }
    }
    .into_string()
}
