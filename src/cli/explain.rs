//! `rtc-check explain`: finds the text that a word of a report leads to, and prints it. Knows no text.

use crate::explain::{self, TOPICS, Topic};
use crate::model::{RuleId, metric};
use crate::profile::{self, Profile, Rule};
use crate::report::explain as draw;

use super::args::{ExplainArgs, ExplainFormat};
use super::{Unusable, output, request};

/// Answers the exit code.
pub fn command(args: &ExplainArgs) -> Result<u8, Unusable> {
    let style = output::terminal(args.width);
    let format = match args.format {
        ExplainFormat::Table => draw::Format::Table,
        ExplainFormat::Json => draw::Format::Json,
        ExplainFormat::Markdown => draw::Format::Markdown,
    };
    let Some(word) = args.word.as_deref().map(str::trim) else {
        return output::print(&draw::list(TOPICS, format, &style));
    };
    let profiles = profiles(args.profile.as_deref())?;
    if let Some((topic, about)) = find(word, &profiles) {
        return output::print(&draw::topic(topic, about.as_deref(), format, &style));
    }
    let fact = word.strip_prefix("observed.").unwrap_or(word);
    match metric::TABLE.iter().find(|m| m.name == fact) {
        Some(fact) => output::print(&draw::fact(fact.name, fact.help, format, &style)),
        None => Err(unknown(word, &profiles)),
    }
}

/// The profile that was named, then the built-in ones.
fn profiles(named: Option<&str>) -> Result<Vec<Profile>, Unusable> {
    let named = named.map(request::load_profile).transpose()?;
    let built_in = profile::BUILT_IN.iter().filter_map(|(name, _)| profile::built_in(name));
    Ok(named.into_iter().chain(built_in).collect())
}

/// The topic, and what led to it where the word is not its own name.
fn find(word: &str, profiles: &[Profile]) -> Option<(&'static Topic, Option<String>)> {
    let name = word.split('/').next().unwrap_or_default();
    if let Some(topic) = explain::topic(name) {
        return Some((topic, None));
    }
    if let Some((profile, rule)) = rule(name, profiles) {
        let topic = explain::topic(rule.service.as_str())?;
        return Some((topic, Some(about(profile, rule))));
    }
    let topic = explain::topic_of_id(word).filter(|_| is_id(word, profiles) || meant(name).is_none())?;
    Some((topic, Some(format!("{name} is a check of this kind."))))
}

fn rule<'p>(name: &str, profiles: &'p [Profile]) -> Option<(&'p Profile, &'p Rule)> {
    profiles.iter().find_map(|p| p.rules.iter().find(|r| r.id == RuleId::from(name)).map(|r| (p, r)))
}

/// `rtc.media is a rule of profile agent: UDP 19099-20099 to rtc, required (RTC: RTP Media).`
fn about(profile: &Profile, rule: &Rule) -> String {
    let ports = rule.ports.map(|p| format!(" {p}")).unwrap_or_default();
    format!(
        "{} is a rule of profile {}: {}{ports} to {}, {} ({}: {}).",
        rule.id,
        profile.name,
        rule.transport.as_str().to_uppercase(),
        rule.to,
        rule.need,
        rule.source.section,
        rule.source.row
    )
}

/// Whether the word can only be the id of a check, however near it is to a finding's: of a host, or of a role.
fn is_id(word: &str, profiles: &[Profile]) -> bool {
    let role = word.split('.').nth(1);
    word.contains('/') || profiles.iter().flat_map(|p| p.roles.keys()).any(|r| Some(r.as_str()) == role)
}

/// A finding's or limit's name that was misspelt.
fn meant(name: &str) -> Option<&'static str> {
    let dotted = TOPICS.iter().map(|t| t.name).filter(|n| n.contains('.'));
    profile::nearest(name, dotted)
}

fn unknown(word: &str, profiles: &[Profile]) -> Unusable {
    let name = word.split('/').next().unwrap_or_default();
    let mut known: Vec<&str> = explain::words().collect();
    known.extend(profiles.iter().flat_map(|p| &p.rules).map(|r| r.id.as_str()));
    let hint = profile::nearest(name, known);
    let hint = hint.map(|h| format!(", did you mean `{h}`?")).unwrap_or_default();
    let names: Vec<&str> = TOPICS.iter().map(|t| t.name).collect();
    let shown: String = crate::report::clean(word, true).chars().take(80).collect();
    Unusable(format!(
        "nothing is known of `{shown}`{hint}\n\nTopics: {}.\n\n`rtc-check explain` lists them with their titles.",
        names.join(", ")
    ))
}
