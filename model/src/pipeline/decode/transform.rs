//! Light transforms: SQL, or declarative operations.

use super::Context;
use crate::{
    pipeline::{DEFAULT_TRANSFORM_TIMEOUT, Transform, TransformWork},
    yaml::Value,
};

impl Context<'_> {
    pub(super) fn transform(&mut self, stage: usize, value: Value<'_>) -> Option<Transform> {
        let fields = value.fields(&["sql", "steps", "references", "timeout"], &["rust", "python"])?;
        let references = fields.get("references").map(|references| self.references(stage, references)).unwrap_or_default();
        let timeout = fields.get("timeout").and_then(|timeout| timeout.positive_duration()).unwrap_or(DEFAULT_TRANSFORM_TIMEOUT);
        if fields.get("rust").or_else(|| fields.get("python")).is_some() {
            return None;
        }
        let work = match fields.exactly_one(&["sql", "steps"])? {
            ("sql", sql) => TransformWork::Sql(self.sql(sql)?),
            (_, steps) => {
                if let Some(references) = fields.get("references") {
                    references.wrong_key("only `sql` can read references", "write the transform in SQL, or leave `references` out");
                }
                TransformWork::Operations(super::operations::operations(steps)?)
            }
        };
        Some(Transform { work, references, timeout })
    }
}
