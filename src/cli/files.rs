//! Reading bounded files, and outputs that are found unwritable before anything is probed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The text of a file of at most `max` bytes; `-` is stdin.
///
/// # Errors
/// A sentence that names the file.
pub fn read_text(path: &Path, max: u64) -> Result<String, String> {
    let mut text = String::new();
    let read = |source: &mut dyn Read, text: &mut String| source.take(max + 1).read_to_string(text);
    let result = match path.as_os_str() == "-" {
        true => read(&mut std::io::stdin(), &mut text),
        false => File::open(path).and_then(|mut f| read(&mut f, &mut text)),
    };
    match result {
        Ok(n) if n as u64 > max => Err(format!("{}: larger than {max} bytes", path.display())),
        Ok(_) => Ok(text),
        Err(e) if e.kind() == std::io::ErrorKind::InvalidData => Err(format!("{}: is not UTF-8 text", path.display())),
        Err(e) => Err(format!("{}: {e}", path.display())),
    }
}

/// A file that is opened early and written late, so that a full run is never lost to a wrong path.
pub struct Output {
    path: PathBuf,
    file: File,
}

impl Output {
    /// Opens without touching what is there.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn open(path: &Path) -> Result<Self, String> {
        Self::with(path, OpenOptions::new().write(true).create(true).truncate(false))
    }

    /// The same of a file that is for its owner alone, one that was there already too.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn private(path: &Path) -> Result<Self, String> {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let output = Self::with(path, OpenOptions::new().write(true).create(true).truncate(false).mode(0o600))?;
        let is_file = output.file.metadata().is_ok_and(|m| m.is_file());
        let closed = match is_file {
            true => output.file.set_permissions(std::fs::Permissions::from_mode(0o600)),
            false => Ok(()),
        };
        closed.map_err(|e| format!("{}: cannot be kept to its owner: {e}", path.display()))?;
        Ok(output)
    }

    fn with(path: &Path, how: &OpenOptions) -> Result<Self, String> {
        if path.as_os_str() == "-" {
            return Err("`-` is stdout, where the report of --format goes".to_owned());
        }
        let file = how.open(path).map_err(|e| format!("{}: cannot be written: {e}", path.display()))?;
        Ok(Self { path: path.to_path_buf(), file })
    }

    /// Replaces the content.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn replace(self, text: &str) -> Result<(), String> {
        self.replace_bytes(text.as_bytes())
    }

    /// The same of what is no text.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn replace_bytes(mut self, bytes: &[u8]) -> Result<(), String> {
        let truncate = |file: &mut File| match file.metadata().map(|m| m.is_file()) {
            Ok(true) => file.set_len(0).and_then(|()| file.rewind()),
            _ => Ok(()),
        };
        truncate(&mut self.file)
            .and_then(|()| self.file.write_all(bytes))
            .and_then(|()| self.file.flush())
            .map_err(|e| format!("{}: {e}", self.path.display()))
    }

    /// The file itself, emptied, for a stream of lines.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn stream(self) -> Result<File, String> {
        let path = self.path.clone();
        let regular = self.file.metadata().is_ok_and(|m| m.is_file());
        let emptied = if regular { self.file.set_len(0) } else { Ok(()) };
        emptied.map(|()| self.file).map_err(|e| format!("{}: {e}", path.display()))
    }
}
