//! The files that rules name, as a worker reads them, for who evaluates rules elsewhere.

use std::sync::Arc;

use lakegate_quality::data::FileAccess;

use crate::engine::{LakeFiles, Remote};

/// Files of this machine, and objects on S3 by the standard `AWS_*` variables, a web identity or a role. Objects are
/// kept in the folder for temporary files while they are read.
pub fn lake_files() -> Arc<dyn FileAccess> {
    Arc::new(LakeFiles::new(Remote::default(), std::env::temp_dir()))
}
