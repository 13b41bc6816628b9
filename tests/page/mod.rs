//! Reads a page strictly: only the elements and attributes that pages are made of, all closed in order, no sign left
//! unescaped. What breaks out of its place is none of them.

use std::collections::{BTreeMap, BTreeSet};

const ELEMENTS: &str = "a article body circle cite code dd desc details div dl dt figcaption figure footer h1 h2 h3 head header html li \
    line main meta nav ol p path pre rect section span strong style summary svg table tbody td text th thead time title tr ul";
const VOID: &str = "meta";
const ATTRIBUTES: &str = "aria-hidden aria-label aria-labelledby charset class content cx cy d datetime height href http-equiv id lang \
    name open preserveAspectRatio r role rx scope tabindex vector-effect viewBox width x x1 x2 y y1 y2";

/// Elements in the order in which they begin, with their attributes.
pub struct Parsed(Vec<(String, BTreeMap<String, String>)>);

impl Parsed {
    /// # Errors
    /// The first thing that no page has.
    pub fn read(page: &str) -> Result<Self, String> {
        let mut rest = page.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
        let (mut all, mut open) = (Vec::new(), Vec::<String>::new());
        while let Some((text, tag)) = rest.split_once('<') {
            let is_style = open.last().is_some_and(|name| name == "style");
            if !is_style && text.contains(['>', '"']) {
                return Err(format!("unescaped: {text}"));
            }
            let (tag, after) = tag.split_once('>').ok_or_else(|| format!("never closed: {tag}"))?;
            rest = after;
            if let Some(name) = tag.strip_prefix('/') {
                let opened = open.pop();
                if opened.as_deref() != Some(name) {
                    return Err(format!("{opened:?} is closed by {name}"));
                }
                continue;
            }
            let (name, attributes) = begun(tag)?;
            if !VOID.split(' ').any(|void| void == name) {
                open.push(name.clone());
            }
            all.push((name, attributes));
        }
        if open.is_empty() { Ok(Self(all)) } else { Err(format!("left open: {open:?}")) }
    }

    pub fn count(&self, element: &str) -> usize {
        self.0.iter().filter(|(name, _)| name == element).count()
    }

    /// No level is left out on the way down.
    #[track_caller]
    pub fn heads_follow_each_other(&self) {
        let levels = self.0.iter().filter_map(|(name, _)| name.strip_prefix('h')?.parse::<u32>().ok());
        let mut before = 0;
        for level in levels {
            assert!(level <= before + 1, "h{level} after h{before}");
            before = level;
        }
    }

    #[track_caller]
    pub fn ids_are_unique_and_links_lead_somewhere(&self) {
        let values = |key: &str| self.0.iter().filter_map(|(_, all)| all.get(key).cloned()).collect::<Vec<_>>();
        let ids = values("id");
        let unique: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{ids:?}");
        let labels = values("aria-labelledby").join(" ");
        let links: Vec<String> =
            values("href").iter().map(|to| to.strip_prefix('#').expect("within the page").to_owned()).collect();
        for to in links.iter().map(String::as_str).chain(labels.split_whitespace()) {
            assert!(unique.contains(&to.to_owned()), "nothing is called {to}");
        }
    }
}

/// `name key="value" key`.
fn begun(tag: &str) -> Result<(String, BTreeMap<String, String>), String> {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let known = |all: &str, one: &str| all.split_whitespace().any(|known| known == one);
    if !known(ELEMENTS, name) {
        return Err(format!("an element that no page has: {tag}"));
    }
    let mut attributes = BTreeMap::new();
    while !rest.is_empty() {
        let end = rest.find([' ', '=']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| format!("no end of {key}: {tag}"))?,
            None => ("", after),
        };
        if !known(ATTRIBUTES, key) {
            return Err(format!("an attribute that no page has: {key} in {tag}"));
        }
        attributes.insert(key.to_owned(), value.to_owned());
        rest = after.trim_start();
    }
    Ok((name.to_owned(), attributes))
}
