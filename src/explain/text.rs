//! The form of a text, a small part of Markdown: `# title`, `## heading`, paragraphs, `- ` items, and lines indented by
//! four columns, which are commands or examples and are never wrapped.

use serde::Serialize;

/// A text, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text<'a> {
    pub title: &'a str,
    pub blocks: Vec<Block>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Block {
    Heading(String),
    Paragraph(String),
    Item(String),
    /// Lines as they are to be typed.
    Command(Vec<String>),
}

impl<'a> Text<'a> {
    /// Takes a text apart; a line that is no heading, item or command belongs to the paragraph or item above it.
    pub fn read(source: &'a str) -> Self {
        let mut text = Text { title: "", blocks: Vec::new() };
        let mut open = false;
        for line in source.lines() {
            let goes_on = std::mem::replace(&mut open, !line.trim().is_empty());
            if let Some(title) = line.strip_prefix("# ") {
                text.title = title.trim();
            } else if let Some(command) = line.strip_prefix("    ").filter(|l| !l.trim().is_empty()) {
                text.command(command.trim_end(), goes_on);
            } else if let Some(heading) = line.strip_prefix("## ") {
                text.blocks.push(Block::Heading(heading.trim().to_owned()));
            } else if let Some(item) = line.strip_prefix("- ") {
                text.blocks.push(Block::Item(item.trim().to_owned()));
            } else if !line.trim().is_empty() {
                text.words(line.trim(), goes_on);
            }
        }
        text
    }

    fn command(&mut self, line: &str, goes_on: bool) {
        match self.blocks.last_mut() {
            Some(Block::Command(lines)) if goes_on => lines.push(line.to_owned()),
            _ => self.blocks.push(Block::Command(vec![line.to_owned()])),
        }
    }

    fn words(&mut self, line: &str, goes_on: bool) {
        match self.blocks.last_mut() {
            Some(Block::Paragraph(words) | Block::Item(words)) if goes_on => {
                words.push(' ');
                words.push_str(line);
            }
            _ => self.blocks.push(Block::Paragraph(line.to_owned())),
        }
    }

    /// The lines to type.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.blocks
            .iter()
            .flat_map(|block| match block {
                Block::Command(lines) => lines.as_slice(),
                _ => &[],
            })
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart() {
        let text = Text::read(
            "# Title\n\nFirst line\nsecond.\n\n## Why\n- one\n  more\n- two\n\n    dig x\n    dig y\n\nEnd.\n",
        );
        let told = |s: &str| s.to_owned();
        assert_eq!(text.title, "Title");
        assert_eq!(
            text.blocks,
            [
                Block::Paragraph(told("First line second.")),
                Block::Heading(told("Why")),
                Block::Item(told("one more")),
                Block::Item(told("two")),
                Block::Command(vec![told("dig x"), told("dig y")]),
                Block::Paragraph(told("End.")),
            ]
        );
        assert_eq!(text.commands().collect::<Vec<_>>(), ["dig x", "dig y"]);
    }
}
