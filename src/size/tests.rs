#![allow(clippy::float_cmp)]
