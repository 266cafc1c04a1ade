//! The pipeline of actors.
