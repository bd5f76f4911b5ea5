//! Reads a project: `lakegate.yaml`, and what its pipeline files may not do beside each other.

mod address;
mod sdlf;
mod settings;
#[cfg(test)]
mod tests;
mod together;

pub use settings::{Overrides, SettingsSource, decode_settings};
pub use together::{check_catalog, check_together};
