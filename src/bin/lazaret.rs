//! The `lazaret` program: console and command line.

fn main() {}
