//! Reads `lakegate.yaml`.
