//! The comparison as Markdown, for a ticket: every text escaped, so that nothing of a report becomes markup.

use super::Part;
use super::words::{self, Item, Line};
use crate::model::Comparison;
use crate::report::sizing::escaped;

pub(super) fn render(comparison: &Comparison) -> String {
    let (word, _) = words::result(comparison);
    let mut out = format!("# {word}: {}\n\n", escaped(&words::summary(comparison)));
    out += &format!("- before: {}\n", escaped(&words::side(&comparison.before)));
    out += &format!("- after: {}\n", escaped(&words::side(&comparison.after)));
    for note in &comparison.notes {
        out += &format!("\n> {}\n", escaped(note));
    }
    let items = words::items(comparison);
    for part in Part::ALL {
        let of_part: Vec<&Item> = items.iter().filter(|item| item.part == part).collect();
        if of_part.is_empty() {
            continue;
        }
        out += &format!("\n## {}\n\n", sentence_case(part.heading()));
        of_part.into_iter().for_each(|item| push(&mut out, item));
    }
    if let Some(noise) = words::noise(comparison) {
        out += &format!("\n{}\n", escaped(&noise));
    }
    out
}

fn push(out: &mut String, item: &Item) {
    *out += &format!("- {} **{}**\n", item.status.as_str(), escaped(&item.head));
    for line in &item.lines {
        *out += &match line {
            Line::Plain(text) | Line::Faint(text) => format!("  - {}\n", escaped(text)),
            Line::Do(text) => format!("  - To do: **{}**\n", escaped(text)),
        };
    }
}

fn sentence_case(heading: &str) -> String {
    let mut chars = heading.chars();
    chars.next().map_or_else(String::new, |first| format!("{first}{}", chars.as_str().to_lowercase()))
}
