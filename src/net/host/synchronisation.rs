//! Whether anything keeps this machine's clock right, as the kernel knows it (adjtimex(2), read only).

use super::Unreadable;
use crate::model::machine::Synchronisation;

/// What the kernel says of its clock. In a container this is the clock of the machine below it, which is the only one.
///
/// # Errors
/// The system does not tell, as some sandboxes do not.
#[cfg(target_os = "linux")]
pub fn synchronisation() -> Result<Synchronisation, Unreadable> {
    let (state, timex) = adjtimex()?;
    let unsynchronised = timex.status & libc::STA_UNSYNC != 0 || state == libc::TIME_ERROR;
    Ok(Synchronisation {
        is_synchronised: !unsynchronised,
        max_error_ms: timex.maxerror as f64 / 1000.0,
        estimated_error_ms: timex.esterror as f64 / 1000.0,
    })
}

#[cfg(not(target_os = "linux"))]
pub fn synchronisation() -> Result<Synchronisation, Unreadable> {
    Err(Unreadable("only Linux tells whether its clock is kept".to_owned()))
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "adjtimex(2) has no safe wrapper; with no modes set it changes nothing")]
fn adjtimex() -> Result<(libc::c_int, libc::timex), Unreadable> {
    // SAFETY: `timex` is a structure of integers, for which zeros are a value; `modes` is 0, so the kernel only fills it in.
    let (state, timex) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&mut timex), timex)
    };
    match state {
        -1 => {
            let why = super::because(&std::io::Error::last_os_error());
            Err(Unreadable(format!("the kernel does not tell whether its clock is kept (adjtimex: {why})")))
        }
        state => Ok((state, timex)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_or_says_why_not() {
        match synchronisation() {
            Ok(told) => assert!(told.max_error_ms >= 0.0, "{told:?}"),
            Err(why) => assert!(why.0.contains("adjtimex"), "{why:?}"),
        }
    }
}
