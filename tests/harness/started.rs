//! A process under test, from its start to its end, and what it says meanwhile.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use super::{LIMIT, Run};

/// A process whose output is read as it comes.
pub struct Started {
    child: Child,
    since: Instant,
    stdout: Output,
    stderr: Output,
}

/// A stream of lines, read to its end by a thread, so that neither pipe can fill up and stop the process.
struct Output {
    lines: mpsc::Receiver<String>,
    seen: String,
}

impl Started {
    /// Starts `command` with both outputs piped.
    #[track_caller]
    pub fn new(mut command: Command) -> Self {
        let since = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        let stdout = Output::of(child.stdout.take().expect("piped"));
        let stderr = Output::of(child.stderr.take().expect("piped"));
        Self { child, since, stdout, stderr }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the first line on stdout that contains `words`.
    #[track_caller]
    pub fn stdout_says(&mut self, words: &str) {
        if !self.stdout.says(words) {
            panic!("stdout never said {words:?}\n{}", self.words());
        }
    }

    /// Waits for the first line on stderr that contains `words`.
    #[track_caller]
    pub fn stderr_says(&mut self, words: &str) {
        if !self.stderr.says(words) {
            panic!("stderr never said {words:?}\n{}", self.words());
        }
    }

    fn words(&mut self) -> String {
        self.stdout.drain();
        self.stderr.drain();
        format!("--- stdout\n{}\n--- stderr\n{}", self.stdout.seen, self.stderr.seen)
    }

    /// Waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Run {
        let ended = self.stdout.ended(self.since) && self.stderr.ended(self.since);
        if !ended {
            let _ = self.child.kill();
        }
        let status: ExitStatus = self.child.wait().expect("a child can be waited for");
        let took = self.since.elapsed();
        let (stdout, stderr) = (std::mem::take(&mut self.stdout.seen), std::mem::take(&mut self.stderr.seen));
        assert!(ended, "still running after {LIMIT:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        Run { code: status.code(), stdout, stderr, took }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let (lines, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            let mut chunk = [0; 16 * 1024];
            while let Ok(n @ 1..) = stream.read(&mut chunk) {
                rest.extend_from_slice(&chunk[..n]);
                while let Some(end) = rest.iter().position(|b| *b == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        return;
                    }
                }
            }
            let _ = lines.send(String::from_utf8_lossy(&rest).into_owned());
        });
        Self { lines: receiver, seen: String::new() }
    }

    fn says(&mut self, words: &str) -> bool {
        let since = Instant::now();
        while let Ok(line) = self.lines.recv_timeout(LIMIT.saturating_sub(since.elapsed())) {
            self.seen.push_str(&line);
            if line.contains(words) {
                return true;
            }
        }
        false
    }

    fn drain(&mut self) {
        self.seen.extend(self.lines.try_iter());
    }

    /// False when the process still held the stream open after [`LIMIT`].
    fn ended(&mut self, since: Instant) -> bool {
        loop {
            match self.lines.recv_timeout(LIMIT.saturating_sub(since.elapsed())) {
                Ok(line) => self.seen.push_str(&line),
                Err(mpsc::RecvTimeoutError::Disconnected) => return true,
                Err(mpsc::RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}
