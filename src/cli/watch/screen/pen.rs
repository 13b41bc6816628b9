//! How things look on this terminal: colours or none, signs of Unicode or of ASCII; a status is always a sign too.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::Status;
use crate::report::clean;
use crate::watch::Cell;

/// What the terminal can show.
#[derive(Clone, Copy, Debug)]
pub struct Pen {
    pub colour: bool,
    pub unicode: bool,
}

impl Pen {
    pub fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// The sign of a status, as the table has it.
    pub fn mark(self, status: Status) -> &'static str {
        match status {
            Status::Pass => self.pick("✓", "+"),
            Status::Warn => "!",
            Status::Unknown => "?",
            Status::Fail => self.pick("✗", "X"),
            Status::Skip => "-",
        }
    }

    pub fn style(self, status: Status) -> Style {
        let colour = match status {
            Status::Pass => Color::Green,
            Status::Warn | Status::Unknown => Color::Yellow,
            Status::Fail => Color::Red,
            Status::Skip => return self.faint(),
        };
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    pub fn faint(self) -> Style {
        if self.colour { Style::new().add_modifier(Modifier::DIM) } else { Style::new() }
    }

    pub fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A check in a column.
    pub fn cell(self, cell: Cell) -> Span<'static> {
        match cell {
            Cell::Gap => Span::styled(self.pick("│", "|"), self.faint()),
            Cell::Absent => Span::styled(self.pick("·", "."), self.faint()),
            Cell::Tried(status, _) => Span::styled(self.mark(status), self.style(status)),
        }
    }

    /// `text` made fit for the terminal.
    pub fn clean(self, text: &str) -> String {
        clean(text, self.unicode)
    }

    /// `text` made fit for the terminal, in at most `room` columns.
    pub fn cut(self, text: &str, room: usize) -> String {
        let text = self.clean(text);
        if text.width() <= room {
            return text;
        }
        let end = self.pick("…", "~");
        let mut used = 0;
        let kept = text.chars().take_while(|c| {
            used += c.width().unwrap_or(0);
            used < room
        });
        let mut out: String = kept.collect();
        if room > 0 {
            out.push_str(end);
        }
        out
    }

    /// `text` in exactly `room` columns.
    pub fn pad(self, text: &str, room: usize) -> String {
        let mut out = self.cut(text, room);
        out.extend(std::iter::repeat_n(' ', room.saturating_sub(out.width())));
        out
    }

    /// `── title ─────`.
    pub fn rule(self, title: &str, width: usize) -> Line<'static> {
        let dash = self.pick("─", "-");
        let title = self.cut(title, width.saturating_sub(4));
        let rest = width.saturating_sub(title.width() + 4);
        Line::from(vec![
            Span::styled(format!("{dash}{dash} "), self.faint()),
            Span::styled(title, self.bold()),
            Span::styled(format!(" {}", dash.repeat(rest)), self.faint()),
        ])
    }

    /// `left` and `right` at the ends of a line; what is left has to give way.
    pub fn ends(self, left: &str, right: &str, width: usize) -> Line<'static> {
        let right = self.cut(right, width);
        let room = width.saturating_sub(right.width() + usize::from(!right.is_empty()));
        let gap = usize::from(!right.is_empty());
        let mut line = self.pad(left, room);
        line.extend(std::iter::repeat_n(' ', gap));
        line.push_str(&right);
        Line::raw(line)
    }
}
