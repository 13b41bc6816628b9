//! Results of browsers in a directory: one file a run, readable for their owner alone, so many of them at most. Of what is
//! kept, one source has left at most a quarter since the responder began: what others left stays.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::session::limits::source_key;

/// Files that are kept, and their bytes together; the oldest goes first.
const MOST: usize = 500;
const MOST_BYTES: u64 = 256 << 20;
/// Of those, what one source (an IPv4 address, or an IPv6 /64) may have; its own oldest goes first.
const SHARE: usize = MOST / 4;
const SHARE_BYTES: u64 = MOST_BYTES / 4;

/// A directory of results.
pub struct Store {
    directory: PathBuf,
    /// Who left which file; of those from before the start nobody knows. One writes at a time.
    left: Mutex<HashMap<PathBuf, u64>>,
}

impl Store {
    /// The directory, which is made where it is missing.
    ///
    /// # Errors
    /// It cannot be made or written to.
    pub fn open(directory: &Path) -> Result<Self, String> {
        let wrong = |e: std::io::Error| format!("--web-results {}: {e}", directory.display());
        fs::create_dir_all(directory).map_err(wrong)?;
        let trial = directory.join(format!(".rtc-check-{}", std::process::id()));
        write(&trial, "").and_then(|()| fs::remove_file(&trial)).map_err(wrong)?;
        Ok(Self { directory: directory.to_owned(), left: Mutex::default() })
    }

    /// Keeps a report of `source` under the id of its run.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn keep(&self, id: &str, source: IpAddr, text: &str) -> Result<(), String> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.directory.join(format!("{id}.json"));
        let wrong = |e: std::io::Error| format!("{}: {e}", path.display());
        let (source, bytes) = (source_key(source), text.len() as u64);
        let mut kept = self.kept().map_err(wrong)?;
        left.retain(|path, _| kept.binary_search_by(|(kept, _)| kept.cmp(path)).is_ok());
        let is_own = |path: &Path| left.get(path) == Some(&source);
        remove_oldest(&mut kept, is_own, (SHARE, SHARE_BYTES), bytes).map_err(wrong)?;
        remove_oldest(&mut kept, |_| true, (MOST, MOST_BYTES), bytes).map_err(wrong)?;
        write(&path, text).map_err(wrong)?;
        left.insert(path, source);
        Ok(())
    }

    /// Our own files and their bytes, the oldest first.
    fn kept(&self) -> std::io::Result<Vec<(PathBuf, u64)>> {
        let mut kept: Vec<(PathBuf, u64)> = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let own = entry.file_name().to_str().is_some_and(is_own);
            if own && entry.file_type()?.is_file() {
                kept.push((entry.path(), entry.metadata()?.len()));
            }
        }
        // Their names begin with the time.
        kept.sort();
        Ok(kept)
    }
}

/// Removes the oldest of the files that are `of` somebody until one more of `bytes` has room under their bounds.
fn remove_oldest(
    kept: &mut Vec<(PathBuf, u64)>,
    of: impl Fn(&Path) -> bool,
    (most, most_bytes): (usize, u64),
    bytes: u64,
) -> std::io::Result<()> {
    loop {
        let theirs = || kept.iter().enumerate().filter(|(_, (path, _))| of(path));
        let total: u64 = theirs().map(|(_, (_, len))| len).sum();
        let oldest = theirs().next().filter(|_| theirs().count() >= most || total.saturating_add(bytes) > most_bytes);
        let Some(oldest) = oldest.map(|(n, _)| n) else { return Ok(()) };
        fs::remove_file(kept.remove(oldest).0)?;
    }
}

/// `20261122T010203Z-89abcdef.json`.
fn is_own(name: &str) -> bool {
    let stem = name.strip_suffix(".json").and_then(|n| n.split_once('-'));
    stem.is_some_and(|(time, rest)| {
        time.len() >= 15
            && time.bytes().all(|b| b.is_ascii_digit() || b == b'T' || b == b'Z')
            && rest.len() == 8
            && rest.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn name(n: usize) -> String {
        format!("20261122T01{:02}{:02}Z-{n:08x}", n / 60, n % 60)
    }

    fn source(n: usize) -> IpAddr {
        IpAddr::from([10, 0, (n / 200) as u8, (n % 200) as u8])
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut all: Vec<String> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        all.sort();
        all
    }

    #[test]
    fn the_oldest_of_our_own_goes_when_there_are_too_many() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        fs::write(dir.path().join("notes.json"), "mine").unwrap();
        (0..MOST + 3).for_each(|n| store.keep(&name(n), source(n), "{}").unwrap());
        let names = names(dir.path());
        assert_eq!(names.len(), MOST + 1);
        assert!(names.contains(&"notes.json".to_owned()) && !names.contains(&format!("{}.json", name(0))));
        let mode = fs::metadata(dir.path().join(format!("{}.json", name(3)))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(store.keep(&name(MOST + 2), source(0), "{}").is_err(), "nothing is overwritten");
    }

    #[test]
    fn one_source_pushes_out_a_quarter_at_most_of_what_others_left() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        (0..MOST).for_each(|n| store.keep(&name(n), source(n), "{}").unwrap());
        let one = |n: usize| format!("2001:db8::{n:x}").parse::<IpAddr>().unwrap();
        (MOST..2 * MOST).for_each(|n| store.keep(&name(n), one(n), "{}").unwrap());
        let names = names(dir.path());
        assert_eq!(names.len(), MOST);
        let expected = (SHARE..MOST).chain(2 * MOST - SHARE..2 * MOST);
        assert!(names.iter().zip(expected).all(|(is, n)| *is == format!("{}.json", name(n))), "{names:?}");
    }

    #[test]
    fn a_share_is_one_of_bytes_too() {
        let of = |n: usize| (PathBuf::from(format!("/nowhere/{n}")), 30);
        let mut kept: Vec<_> = (0..4).map(of).collect();
        let is_even = |path: &Path| path.ends_with("0") || path.ends_with("2");
        remove_oldest(&mut kept, is_even, (9, 100), 40).unwrap();
        assert_eq!(kept.len(), 4);
        assert!(remove_oldest(&mut kept, is_even, (9, 100), 41).is_err(), "there is no such file to remove");
        assert_eq!(kept, [1, 2, 3].map(of));
    }
}
