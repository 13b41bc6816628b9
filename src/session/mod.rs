//! session
pub mod limits;
pub mod access;
pub mod reflector;
