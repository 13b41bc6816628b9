//! session
pub mod limits;
