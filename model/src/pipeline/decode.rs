//! Reads a pipeline file.
