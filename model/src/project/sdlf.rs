//! The two tables that tools built on SDLF read, and the names that SDLF gives to what is ours.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::ids::{DatasetId, StageKey};

/// Where objects and executions are told of as SDLF's own tables tell of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SdlfTables {
    /// The table of objects (SDLF's ObjectMetadata); `None` if it is not kept.
    pub objects: Option<String>,
    /// The table of executions (SDLF's PipelineExecutionHistory); `None` if it is not kept.
    pub history: Option<String>,
    /// How long an execution's row is kept after it began; `None` is for ever.
    pub ttl: Option<Duration>,
    /// What rows have as `org`.
    pub org: String,
    /// What rows have as `app`.
    pub app: String,
    /// What rows have as `env`.
    pub env: String,
    /// The names that SDLF's pipelines had, by dataset; others are named as their dataset.
    #[serde(serialize_with = "by_text")]
    pub pipelines: BTreeMap<DatasetId, String>,
}

fn by_text<S: serde::Serializer>(pipelines: &BTreeMap<DatasetId, String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pipelines.iter().map(|(dataset, name)| (dataset.to_string(), name)))
}

impl SdlfTables {
    /// The name of a dataset's pipeline, without team and stage.
    pub fn pipeline<'a>(&'a self, dataset: &'a DatasetId) -> &'a str {
        self.pipelines.get(dataset).map_or(&dataset.dataset, String::as_str)
    }

    /// The name of one stage of a pipeline: `{team}-{pipeline}-stage-{x}`.
    pub fn pipeline_stage(&self, stage: &StageKey) -> String {
        format!("{}-{}-stage-{}", stage.dataset.team, self.pipeline(&stage.dataset), letter(&stage.stage))
    }
}

/// A dataset's name: `{team}-{dataset}`.
pub fn dataset_name(dataset: &DatasetId) -> String {
    format!("{}-{}", dataset.team, dataset.dataset)
}

/// What comes after `stage-`: a stage that is called `stage-a` is SDLF's stage `a`.
fn letter(stage: &str) -> &str {
    stage.strip_prefix("stage-").or_else(|| stage.strip_prefix("stage_")).filter(|rest| !rest.is_empty()).unwrap_or(stage)
}

/// A stage as statuses and `pipeline_stage` name it: `StageA`, or `StageClean` for one called `clean`.
pub fn stage_name(stage: &str) -> String {
    let mut name = "Stage".to_owned();
    for word in letter(stage).split(|c: char| !c.is_alphanumeric()) {
        let mut letters = word.chars();
        name.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(letters.as_str());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_sdlf() {
        let dataset = DatasetId::new("engineering", "legislators");
        let mut tables = SdlfTables {
            objects: None,
            history: None,
            ttl: None,
            org: String::new(),
            app: String::new(),
            env: String::new(),
            pipelines: BTreeMap::new(),
        };
        let stage = |name: &str| StageKey::new(dataset.clone(), name);
        assert_eq!(tables.pipeline_stage(&stage("clean")), "engineering-legislators-stage-clean");
        tables.pipelines.insert(dataset.clone(), "main".to_owned());
        assert_eq!(tables.pipeline_stage(&stage("stage-a")), "engineering-main-stage-a");
        assert_eq!(dataset_name(&dataset), "engineering-legislators");
        for (stage, name) in
            [("stage-a", "StageA"), ("a", "StageA"), ("stage_b", "StageB"), ("clean-up", "StageCleanUp"), ("stage-", "StageStage")]
        {
            assert_eq!(stage_name(stage), name);
        }
    }
}
