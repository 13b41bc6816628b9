//! Where the watching is shown: on a terminal, as lines, or as reports that are a line each.

use std::io::{self, Write};
use std::time::Duration;

use tokio::sync::mpsc;

use super::screen::{self, Key, Looked, Pen, View};
use super::task::Task;
use super::terminal::{self, Held, Input};
use crate::cli::{Unusable, output};
use crate::net::clock;
use crate::watch::{Said, Watch, lines};

pub enum Face {
    /// The terminal's second screen.
    Screen(Box<Screen>),
    /// Lines on stdout; or reports there, and on stderr what no report says. `gone`: nobody reads stdout any more.
    Lines { reports: bool, gone: bool },
}

pub struct Screen {
    held: Held,
    looked: Looked,
    pen: Pen,
}

/// What there is to see.
pub struct Scene<'a> {
    pub watch: &'a Watch,
    pub title: &'a str,
    pub targets: &'a str,
    pub now: Duration,
    pub task: Option<&'a Task>,
    pub notice: Option<&'a str>,
}

impl Face {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be drawn on; `--plain` needs none.
    pub fn screen() -> Result<Self, Unusable> {
        let style = output::terminal(None);
        let held =
            Held::take().map_err(|e| Unusable(format!("this terminal cannot be drawn on ({e}): give --plain")))?;
        let pen = Pen { colour: style.colour, unicode: style.unicode };
        Ok(Face::Screen(Box::new(Screen { held, looked: Looked::default(), pen })))
    }

    pub fn lines(reports: bool) -> Self {
        Face::Lines { reports, gone: false }
    }

    pub fn is_drawn(&self) -> bool {
        matches!(self, Face::Screen(_))
    }

    /// Nobody sees it any more.
    pub fn is_gone(&self) -> bool {
        matches!(self, Face::Lines { gone: true, .. })
    }

    /// What is typed, where somebody can.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn keys(&self) -> Result<Option<mpsc::Receiver<Input>>, Unusable> {
        match self {
            Face::Screen(_) => terminal::inputs().map(Some).map_err(|e| Unusable(format!("no keys can be read: {e}"))),
            Face::Lines { .. } => Ok(None),
        }
    }

    /// What has happened.
    pub fn tell(&mut self, said: &[Said]) {
        let at = clock::rfc3339(&clock::utc());
        match self {
            Face::Screen(_) => {}
            Face::Lines { reports: false, gone } => *gone |= put(&lines(said, &at)).is_err(),
            Face::Lines { reports: true, .. } => {
                let unjudged =
                    said.iter().filter(|s| !matches!(s, Said::Ran(_) | Said::Found(_) | Said::Changed(_))).cloned();
                lines(&unjudged.collect::<Vec<_>>(), &at).lines().for_each(output::say);
            }
        }
    }

    /// What went wrong beside the network.
    pub fn notice(&mut self, words: &str) {
        match self {
            Face::Screen(_) => {}
            Face::Lines { .. } => output::say(&format!("rtc-check: {words}")),
        }
    }

    /// A whole report as a line.
    ///
    /// # Errors
    /// stdout cannot be written to.
    pub fn report(&mut self, line: &str) -> io::Result<()> {
        let Face::Lines { reports: true, gone } = self else { return Ok(()) };
        let written = put(line);
        *gone |= written.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        written
    }

    /// Draws the scene, where anything is drawn.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, scene: &Scene<'_>) -> Result<(), Unusable> {
        let Face::Screen(screen) = self else { return Ok(()) };
        let waits = scene.task.map(|task| task.under_way.words()).unwrap_or_default();
        let view = View {
            watch: scene.watch,
            title: scene.title,
            targets: scene.targets,
            now: scene.now,
            waits: &waits,
            longest: scene.task.map(|task| task.longest).unwrap_or_default(),
            notice: scene.notice,
            pen: screen.pen,
        };
        let drawn = screen.held.0.draw(|frame| screen::draw(frame, &view, &mut screen.looked));
        drawn.map(drop).map_err(|e| Unusable(format!("the terminal is gone: {e}")))
    }

    /// Draws all of it the next time: the terminal may show something else.
    pub fn redraw(&mut self) {
        if let Face::Screen(screen) = self {
            let _ = screen.held.0.clear();
        }
    }

    pub fn look(&mut self, key: Key, rows: usize) {
        if let Face::Screen(screen) = self {
            screen.looked.take(key, rows);
        }
    }
}

/// Text to stdout at once.
fn put(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}
