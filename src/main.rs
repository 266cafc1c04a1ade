//! docmill.

fn main() {}
