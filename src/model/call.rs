//! Whether a real call is made.

/// Whether a call is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallMode {
    /// Where the target says that it has what a call needs.
    #[default]
    IfOffered,
    /// In any case: a target that has not is a failure.
    Always,
    Never,
}
