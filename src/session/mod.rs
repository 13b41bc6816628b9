//! session
pub mod access;
pub mod limits;
pub mod reflector;
