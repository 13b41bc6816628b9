//! The limit of file descriptors, raised to what a responder needs. Knows nothing of what they are for.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::StartError;

/// Descriptors beside sockets and connections: epoll, the runtime, log files.
const SPARE: u64 = 32;

/// Makes sure that `more` descriptors can be opened beside those that are open now; raises the soft limit, and the
/// hard one too where this process may.
pub(super) fn raise(more: u64) -> Result<(), StartError> {
    let open = std::fs::read_dir("/proc/self/fd").map_or(64, |dir| dir.count() as u64);
    let needed = more + open + SPARE;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|e| StartError::system("read its limits", e))?;
    match new_limits(needed, soft, hard) {
        None => Ok(()),
        Some((soft, new_hard)) => setrlimit(Resource::RLIMIT_NOFILE, soft, new_hard)
            .map_err(|_| StartError::Descriptors { needed, allowed: hard }),
    }
}

/// The soft and hard limit to ask for; `None` where the soft one is high enough. A soft limit is never lowered.
fn new_limits(needed: u64, soft: u64, hard: u64) -> Option<(u64, u64)> {
    (soft < needed).then(|| (needed, hard.max(needed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_low_is_raised() {
        assert_eq!(new_limits(500, 1024, 4096), None);
        assert_eq!(new_limits(2000, 1024, 4096), Some((2000, 4096)));
        assert_eq!(new_limits(12_000, 1024, 4096), Some((12_000, 12_000)), "which only root may");
    }

    #[test]
    fn a_hard_limit_that_is_too_low_is_told_with_its_numbers() {
        // No kernel allows so many (fs.nr_open is at most 2^31).
        let error = raise(1 << 40).unwrap_err().to_string();
        assert!(error.contains("1099511627") && error.contains("ulimit -Hn"), "{error}");
        assert!(matches!(raise(1 << 40), Err(StartError::Descriptors { allowed, .. }) if allowed > 0));
    }
}
