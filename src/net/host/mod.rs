//! What this machine says of itself, read from the files of the kernel and the distribution: one subject a file, each a
//! function from their text to plain values and one that reads. Opens nothing for writing, runs nothing, and knows
//! neither profiles nor what any value is worth.

pub mod adapters;
pub mod disk;
pub mod firewall;
pub mod limits;
pub mod link;
pub mod memory;
pub mod owner;
pub mod processors;
pub mod resolvers;
pub mod routes;
pub mod sockets;
pub mod synchronisation;
pub mod system;
pub mod timekeepers;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::classify::clean;

/// Where `/proc`, `/sys` and `/etc` are: `/`, or a tree that stands in for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(PathBuf);

/// Why something could not be read: one clause that names the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

/// Text of a file, and whether it was longer than was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    pub is_cut: bool,
}

/// A file of one value or a few lines.
const SHORT: u64 = 64 * 1024;

impl Default for Root {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

impl Root {
    /// A tree that stands in for this machine's.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where `path` (without a slash before it) lies.
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// The first `most` bytes of a file as text; what is no UTF-8 in it is replaced.
    ///
    /// # Errors
    /// It is not there or may not be read.
    pub fn read(&self, path: &str, most: u64) -> Result<Text, Unreadable> {
        self.take(path, most).map_err(|error| unreadable(path, &error))
    }

    /// The same of a file that not every machine has: `None` where there is none.
    ///
    /// # Errors
    /// It is there, but may not be read.
    pub fn read_if_there(&self, path: &str, most: u64) -> Result<Option<Text>, Unreadable> {
        match self.take(path, most) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            told => told.map(Some).map_err(|error| unreadable(path, &error)),
        }
    }

    fn take(&self, path: &str, most: u64) -> io::Result<Text> {
        let path = self.path(path);
        // A pipe or a device in its place would never end.
        if !path.metadata()?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let is_cut = bytes.len() > most;
        bytes.truncate(most);
        Ok(Text { text: String::from_utf8_lossy(&bytes).into_owned(), is_cut })
    }

    /// A short file's text without what stands around it; `None` where it cannot be read.
    pub fn value(&self, path: &str) -> Option<String> {
        self.take(path, SHORT).ok().map(|t| t.text.trim().to_owned())
    }

    /// The last part of what a symbolic link points to.
    pub fn link(&self, path: &str) -> Option<String> {
        let to = std::fs::read_link(self.path(path)).ok()?;
        Some(clean(to.file_name()?.to_str()?, 64))
    }

    /// Whether there is anything of that name.
    pub fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// Names in a directory, at most `most`, in order; none where it cannot be read.
    pub fn names(&self, path: &str, most: usize) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).into_iter().flatten().flatten();
        let names = entries.filter_map(|e| e.file_name().into_string().ok());
        let mut names: Vec<String> = names.take(most).collect();
        names.sort();
        names
    }
}

fn unreadable(path: &str, error: &io::Error) -> Unreadable {
    Unreadable(format!("/{path} cannot be read: {}", because(error)))
}

/// The operating system's words, without its number.
pub(in crate::net) fn because(error: &io::Error) -> String {
    let words = error.to_string();
    clean(words.split(" (os error").next().unwrap_or(&words), 80)
}

/// Whether the files that are read here exist on this kind of system at all.
pub fn is_known_system() -> bool {
    cfg!(target_os = "linux")
}

/// Where `path` leads from: a directory that exists, itself or the nearest above it.
pub fn existing(path: &Path) -> &Path {
    path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"))
}

#[cfg(test)]
pub mod tree {
    //! Trees of files that stand in for `/proc`, `/sys` and `/etc`.

    use super::Root;

    /// A directory that is removed when it goes out of scope, and the root that reads it.
    pub fn of(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match text.strip_prefix("-> ") {
                Some(to) => std::os::unix::fs::symlink(to, path).unwrap(),
                None => std::fs::write(path, text).unwrap(),
            }
        }
        let root = Root::at(dir.path());
        (dir, root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_no_farther_than_asked_for() {
        let (_dir, root) = tree::of(&[("etc/long", &"a".repeat(100))]);
        assert_eq!(root.read("etc/long", 10), Ok(Text { text: "a".repeat(10), is_cut: true }));
        assert_eq!(root.read("etc/long", 100), Ok(Text { text: "a".repeat(100), is_cut: false }));
        let missing = root.read("etc/none", 10).unwrap_err().0;
        assert_eq!(missing, "/etc/none cannot be read: No such file or directory");
        assert_eq!(root.read_if_there("etc/none", 10), Ok(None));
        assert!(root.read_if_there("etc", 10).unwrap_err().0.contains("/etc cannot be read"));
    }

    #[test]
    fn a_pipe_in_a_files_place_is_not_waited_for() {
        let (dir, root) = tree::of(&[]);
        nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(root.read("pipe", 10).unwrap_err().0.contains("no file"));
    }

    #[test]
    fn what_does_not_exist_yet_lies_in_what_does() {
        assert_eq!(existing(Path::new("/nonexistent/recordings")), Path::new("/"));
    }
}
