//! Reading bounded files, and outputs that are found unwritable before anything is probed.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::net::chance;

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
        let output = Self::with(path, OpenOptions::new().write(true).create(true).truncate(false).mode(0o600))?;
        let is_file = output.file.metadata().is_ok_and(|m| m.is_file());
        let closed = match is_file {
            true => output.file.set_permissions(Permissions::from_mode(0o600)),
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

/// Writes a file that was not there, for its owner alone; nothing of it is left where that fails.
///
/// # Errors
/// Something has the name already, a link too; or it cannot be written.
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.flush());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// Replaces a file in one step, so that its readers never see half of it: it keeps its mode and what links to it. A pipe or a
/// device is written to.
///
/// # Errors
/// A sentence that names the file; what was there is still there.
pub fn replace_whole(path: &Path, text: &str) -> Result<(), String> {
    let named = |e: io::Error| format!("{}: {e}", path.display());
    let (mode, target) = match fs::metadata(path) {
        Ok(meta) if !meta.is_file() => return Output::open(path)?.replace(text),
        Ok(meta) => (meta.permissions().mode() & 0o777, fs::canonicalize(path).map_err(named)?),
        // It has been taken away since it was opened: a new one as any other.
        Err(_) => return Output::open(path)?.replace(text),
    };
    // Who may write to the directory cannot know the name, and put a link there.
    let mut beside = target.clone().into_os_string();
    beside.push(format!(".{:032x}", u128::from_ne_bytes(chance::bytes())));
    let beside = PathBuf::from(beside);
    create_private(&beside, text.as_bytes()).map_err(named)?;
    let moved = fs::set_permissions(&beside, Permissions::from_mode(mode)).and_then(|()| fs::rename(&beside, &target));
    if moved.is_err() {
        let _ = fs::remove_file(&beside);
    }
    moved.map_err(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_and_through_no_link_that_lies_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let [path, other, beside] = ["last.json", "other", "last.json.new"].map(|name| dir.path().join(name));
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        fs::write(&other, "somebody's").unwrap();
        std::os::unix::fs::symlink(&other, &beside).unwrap();
        replace_whole(&path, "after").unwrap();
        assert_eq!([&path, &other].map(|p| fs::read_to_string(p).unwrap()), ["after", "somebody's"]);
        assert_eq!(mode(&path), 0o640);
        assert!(beside.is_symlink());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing is left beside");
    }

    #[test]
    fn a_link_stays_one_and_a_file_that_was_taken_away_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let [path, link] = ["a", "b"].map(|name| dir.path().join(name));
        replace_whole(&path, "1").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace_whole(&link, "2").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "2");
    }

    #[test]
    fn what_is_created_is_its_owners_and_was_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let [path, link] = ["a", "b"].map(|name| dir.path().join(name));
        create_private(&path, b"1").unwrap();
        assert_eq!(mode(&path), 0o600);
        std::os::unix::fs::symlink(dir.path().join("nowhere"), &link).unwrap();
        for taken in [&path, &link] {
            assert_eq!(create_private(taken, b"2").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        }
    }
}
