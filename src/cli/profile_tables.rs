//! `profiles list` and `profiles show`: profiles as tables and as JSON. Pure: profiles in, text out; knows nothing of
//! terminals and files.

use std::collections::BTreeMap;

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

use crate::profile::{Bandwidth, Limit, OnlyAlternative, Profile, Role, Rule};

/// Columns of a table for which the caller gives no width.
const WIDTH: usize = 80;
/// A table narrower than this has no room for its columns.
const NARROWEST: usize = 72;
/// Names longer than this are broken.
const LONGEST: u16 = 32;

/// A row a profile: name, what it is, roles to bind, number of rules. At most 80 columns.
pub fn list_table(profiles: &[Profile]) -> String {
    let mut table = plain(WIDTH, &["profile", "what it is", "targets to give", "rules"]);
    for profile in profiles {
        table.add_row([profile.name.clone(), profile.title.clone(), targets(profile), profile.rules.len().to_string()]);
    }
    finish(&table)
}

/// The whole profile in at most `width` columns (never narrower than 72): head, roles, rules, limits, bandwidth.
pub fn show_table(profile: &Profile, width: usize) -> String {
    let width = width.max(NARROWEST);
    let mut text = head(profile, width);
    text += &section("roles", &roles(profile, width));
    text += &section("rules", &rules(profile, width));
    if !profile.groups.is_empty() {
        text += &section("groups", &groups(profile, width));
    }
    if !profile.limits.is_empty() {
        text += &section("limits", &limits(&profile.limits, width));
    }
    if !profile.bandwidth.is_empty() {
        text += &section("bandwidth, kbit/s", &bandwidth(&profile.bandwidth, width));
    }
    text
}

/// The profile as the contract's object.
///
/// # Errors
/// None for a loaded profile: its numbers are finite.
pub fn show_json(profile: &Profile) -> serde_json::Result<String> {
    serde_json::to_string_pretty(profile)
}

/// `[{"name", "title", "vantages", "options", "roles"}]`, each as `profiles show` has it.
///
/// # Errors
/// None for loaded profiles.
pub fn list_json(profiles: &[Profile]) -> serde_json::Result<String> {
    let entry = |p: &Profile| {
        serde_json::json!({
            "name": p.name, "title": p.title, "vantages": p.vantages, "options": p.options, "roles": p.roles,
        })
    };
    serde_json::to_string_pretty(&profiles.iter().map(entry).collect::<Vec<_>>())
}

fn section(title: &str, table: &str) -> String {
    format!("\n{title}\n{table}")
}

/// Name, title, vantages and options, wrapped.
fn head(profile: &Profile, width: usize) -> String {
    let mut table = plain(width, &[&profile.name, &profile.title]);
    table.add_row(["vantages".to_owned(), format!("{} (the first is the default)", profile.vantages.join(", "))]);
    if !profile.options.is_empty() {
        table.add_row(["options".to_owned(), conditions(&profile.options)]);
    }
    finish(&table)
}

fn roles(profile: &Profile, width: usize) -> String {
    let mut table = plain(width, &["role", "what it is", "hosts"]);
    for (name, role) in &profile.roles {
        table.add_row([name.to_string(), role.description.clone(), hosts(role)]);
    }
    keep_whole(&mut table, &[0, 2]);
    finish(&table)
}

fn hosts(role: &Role) -> String {
    match (role.hosts.is_empty(), role.optional) {
        (false, _) => role.hosts.join("\n"),
        (true, false) => "--target".to_owned(),
        (true, true) => "--target, if there is one".to_owned(),
    }
}

fn rules(profile: &Profile, width: usize) -> String {
    let mut table = plain(width, &["rule, from -> to", "port", "need", "document's row"]);
    for rule in &profile.rules {
        let port = format!("{}\n{}", port(rule), rule.service);
        let need = rule.group.as_ref().map_or(rule.need.to_string(), |g| format!("{}\n{g}", rule.need));
        table.add_row([name(rule), port, need, row(rule)]);
    }
    keep_whole(&mut table, &[0, 1, 2]);
    finish(&table)
}

/// Id, way and options, a line each, short enough to stand unbroken.
fn name(rule: &Rule) -> String {
    let way = format!("{} -> {}", rule.from.join(",\n"), rule.to);
    let when = if rule.when.is_empty() { String::new() } else { format!("\nif {}", conditions(&rule.when)) };
    format!("{}\n{way}{when}", rule.id)
}

fn port(rule: &Rule) -> String {
    match rule.ports {
        Some(ports) => format!("{} {ports}", rule.transport),
        None => rule.transport.to_string(),
    }
}

fn row(rule: &Rule) -> String {
    if rule.hosts.is_empty() {
        rule.source.row.clone()
    } else {
        format!("{}\nonly {}", rule.source.row, rule.hosts.join(", "))
    }
}

fn groups(profile: &Profile, width: usize) -> String {
    let mut table = plain(width, &["group", "if only an alternative works"]);
    for (name, only) in &profile.groups {
        let worth = match only {
            OnlyAlternative::Warn => "warn",
            OnlyAlternative::Pass => "pass",
        };
        table.add_row([name.as_str(), worth]);
    }
    finish(&table)
}

fn limits(limits: &[Limit], width: usize) -> String {
    let mut table = plain(width, &["quantity", "must be", "document's row"]);
    for limit in limits {
        table.add_row([limit.metric.clone(), format!("{} {}", limit.op, limit.value), limit.source.row.clone()]);
    }
    finish(&table)
}

fn bandwidth(rows: &[Bandwidth], width: usize) -> String {
    let mut table = plain(width, &["for", "up / down", "better", "document's row"]);
    for row in rows {
        let name =
            if row.when.is_empty() { row.name.clone() } else { format!("{}\nif {}", row.name, conditions(&row.when)) };
        table.add_row([
            name,
            rates(row.up_kbps, row.down_kbps),
            rates(row.recommended_up_kbps, row.recommended_down_kbps),
            row.source.row.clone(),
        ]);
    }
    finish(&table)
}

/// `40 / 40`; a dash for what the document does not say.
fn rates(up: Option<f64>, down: Option<f64>) -> String {
    let rate = |r: Option<f64>| r.map_or("-".to_owned(), |r| r.to_string());
    if up.is_none() && down.is_none() { "-".to_owned() } else { format!("{} / {}", rate(up), rate(down)) }
}

fn conditions(options: &BTreeMap<String, bool>) -> String {
    options.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// `rtc, acd; ice if given`.
fn targets(profile: &Profile) -> String {
    let names = |optional: bool| {
        let wanted = profile.roles.iter().filter(|(_, r)| r.hosts.is_empty() && r.optional == optional);
        wanted.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    match (names(false), names(true)) {
        (given, optional) if optional.is_empty() => given,
        (given, optional) => format!("{given}; {optional} if given"),
    }
}

fn plain(width: usize, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.force_no_tty().set_width(u16::try_from(width).unwrap_or(u16::MAX)).set_header(header.iter().copied());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Lets these columns break no line of theirs that is not longer than [`LONGEST`]; the others share what is left.
fn keep_whole(table: &mut Table, columns: &[usize]) {
    let widths = table.column_max_content_widths();
    for (index, width) in widths.into_iter().enumerate().filter(|(i, _)| columns.contains(i)) {
        let Some(column) = table.column_mut(index) else { continue };
        column.set_constraint(match width {
            0..=LONGEST => ColumnConstraint::ContentWidth,
            _ => ColumnConstraint::UpperBoundary(Width::Fixed(LONGEST)),
        });
    }
}

/// The lines without the spaces at their ends.
fn finish(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{BUILT_IN, built_in, load};

    #[test]
    fn tables_of_every_profile_fit_their_width() {
        for profile in BUILT_IN.iter().filter_map(|(name, _)| built_in(name)) {
            for width in [NARROWEST, 80, 120] {
                for line in show_table(&profile, width).lines() {
                    // A lock or wrench is two columns wide.
                    let wide = line.chars().filter(|c| "🔓🔒🔧".contains(*c)).count();
                    assert!(line.chars().count() + wide <= width, "{} at {width}: {line}", profile.name);
                }
            }
        }
        let all: Vec<_> = BUILT_IN.iter().filter_map(|(n, _)| built_in(n)).collect();
        assert!(list_table(&all).lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn show_tells_all_of_every_rule() {
        for profile in BUILT_IN.iter().filter_map(|(name, _)| built_in(name)) {
            let text = show_table(&profile, 400);
            for rule in &profile.rules {
                assert!(
                    text.lines().any(|l| l.starts_with(rule.id.as_str()) && l.contains(&rule.source.row)),
                    "{}",
                    rule.id
                );
            }
        }
    }

    #[test]
    fn names_of_any_length_fit() {
        let long = "x".repeat(300);
        let text = format!(
            "name = \"{long}\"\ntitle = \"t\"\nvantages = [\"{long}\"]\n[roles.{long}]\ndescription = \"d\"\n\
             [ssh.{long}]\nto = \"{long}\"\nport = 22\nneed = \"required\"\n\
             source = {{ document = \"d\", section = \"s\", row = \"r\" }}\n"
        );
        let profile = load("long.toml", &text).unwrap();
        assert!(show_table(&profile, 80).lines().all(|l| l.chars().count() <= 80));
    }

    #[test]
    fn tables() {
        let all: Vec<_> = BUILT_IN.iter().filter_map(|(n, _)| built_in(n)).collect();
        insta::assert_snapshot!("list", list_table(&all));
        insta::assert_snapshot!("show_agent", show_table(&built_in("agent").unwrap(), 80));
        insta::assert_snapshot!("show_valt", show_table(&built_in("valt").unwrap(), 80));
    }
}
