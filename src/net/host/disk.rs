//! How much room there is where a path lies.

use std::path::Path;

use super::Unreadable;
use crate::model::machine::Disk;

/// The room where `path` lies, or would lie.
///
/// # Errors
/// The system does not tell.
#[cfg(target_os = "linux")]
#[allow(clippy::unnecessary_cast, reason = "the types differ from machine to machine")]
pub fn disk(path: &Path) -> Result<Disk, Unreadable> {
    let path = super::existing(path);
    let shown = crate::net::classify::clean(&path.to_string_lossy(), 200);
    let told = nix::sys::statvfs::statvfs(path)
        .map_err(|errno| Unreadable(format!("{shown}: {}", super::because(&std::io::Error::from(errno)))))?;
    // Blocks and their size may have 32 bits on machines of 32 bits.
    let size = told.fragment_size() as u64;
    let bytes = |blocks: libc::fsblkcnt_t| (blocks as u64).saturating_mul(size);
    Ok(Disk { total_bytes: bytes(told.blocks()), free_bytes: bytes(told.blocks_available()), path: shown })
}

#[cfg(not(target_os = "linux"))]
pub fn disk(_: &Path) -> Result<Disk, Unreadable> {
    Err(Unreadable("only Linux is asked for room by this version".to_owned()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_yet_to_be_made_is_looked_for_above() {
        let dir = tempfile::tempdir().unwrap();
        let disk = disk(&dir.path().join("recordings/2026")).unwrap();
        assert_eq!(Path::new(&disk.path), dir.path());
        assert!(disk.total_bytes >= disk.free_bytes && disk.total_bytes > 0);
    }
}
