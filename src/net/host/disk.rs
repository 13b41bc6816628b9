//! How much room there is where a path lies.

use std::path::Path;

use super::{Unreadable, because, existing};
use crate::model::machine::Disk;
use crate::net::classify::clean;

/// The room where `path` lies, or would lie.
///
/// # Errors
/// The system does not tell.
pub fn disk(path: &Path) -> Result<Disk, Unreadable> {
    let path = existing(path);
    let shown = clean(&path.to_string_lossy(), 200);
    let told = nix::sys::statvfs::statvfs(path)
        .map_err(|errno| Unreadable(format!("{shown}: {}", because(&std::io::Error::from(errno)))))?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.fragment_size());
    Ok(Disk { total_bytes: bytes(told.blocks()), free_bytes: bytes(told.blocks_available()), path: shown })
}

#[cfg(test)]
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
