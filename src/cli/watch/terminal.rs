//! The terminal while it is ours: raw, on its second screen, and as it was before in every case: at the end, when a
//! thread panics, and when a signal ends the program.

use std::io;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;

use super::screen::Key;

/// Keys that wait to be taken: who is so far behind has missed them.
const WAITING: usize = 64;

/// What comes from the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    Key(Key),
    Quit,
    /// Ctrl-C, which is no signal while the terminal is raw.
    Interrupt,
    Resized,
    /// Nobody can type any more.
    Lost,
}

/// The terminal, given back when dropped.
pub struct Held(pub DefaultTerminal);

impl Held {
    /// Takes the terminal on stdout.
    ///
    /// # Errors
    /// It is none, or cannot be set to raw.
    pub fn take() -> io::Result<Self> {
        ratatui::try_init().map(Self)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.show_cursor();
        let _ = ratatui::try_restore();
    }
}

/// What is typed, read by a thread of its own that ends with the program.
///
/// # Errors
/// No thread could be started.
pub fn inputs() -> io::Result<mpsc::Receiver<Input>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let read = move || {
        loop {
            let (input, lost) = match event::read() {
                Ok(event) => (meant(&event), false),
                Err(_) => (Some(Input::Lost), true),
            };
            let gone = input.is_some_and(|input| sender.blocking_send(input).is_err());
            if gone || lost {
                return;
            }
        }
    };
    std::thread::Builder::new().name("keys".to_owned()).spawn(read)?;
    Ok(receiver)
}

fn meant(event: &Event) -> Option<Input> {
    let key = match event {
        Event::Resize(..) => return Some(Input::Resized),
        Event::Key(key) if key.kind != KeyEventKind::Release => key,
        _ => return None,
    };
    let held = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c') if held => Input::Interrupt,
        KeyCode::Char('d') if held => Input::Quit,
        KeyCode::Char('l') if held => Input::Resized,
        _ if held => return None,
        KeyCode::Char('q' | 'Q') => Input::Quit,
        KeyCode::Up | KeyCode::Char('k') => Input::Key(Key::Up),
        KeyCode::Down | KeyCode::Char('j') => Input::Key(Key::Down),
        KeyCode::PageUp => Input::Key(Key::PageUp),
        KeyCode::PageDown => Input::Key(Key::PageDown),
        KeyCode::Home | KeyCode::Char('g') => Input::Key(Key::First),
        KeyCode::End | KeyCode::Char('G') => Input::Key(Key::Last),
        KeyCode::Char(' ' | 'p') => Input::Key(Key::Pause),
        KeyCode::Char('r') => Input::Key(Key::Run),
        KeyCode::Enter => Input::Key(Key::Open),
        KeyCode::Char('?' | 'h') => Input::Key(Key::Help),
        KeyCode::Esc => Input::Key(Key::Close),
        _ => return None,
    })
}
