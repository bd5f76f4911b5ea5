//! Reads a pipeline file.
//!
//! The text of every file it names, of SQL or rules, is taken in. Everything wrong with the file is reported in
//! one go; what only shows beside the project's other files is for `project::decode`.

#[cfg(test)]
mod broken_tests;
mod job;
mod names;
mod operations;
mod publish;
mod quality;
#[cfg(test)]
mod quality_tests;
mod queue;
mod sql;
mod stage;
#[cfg(test)]
mod tests;
mod transform;
mod trigger;

use super::{DriftPolicy, Pipeline, Route, Stage};
use crate::{
    diagnostics::{Diagnostic, Place},
    ids::DatasetId,
    table::TableId,
    yaml::{Document, Report, Value},
};
pub(crate) use publish::lf_tags;
pub use sql::{FileProblem, ProjectFiles};

/// What a pipeline file says, and where it says what other files may contradict.
#[derive(Clone, Debug)]
pub struct PipelineFile {
    /// The file, relative to the project.
    pub file: String,
    /// The pipeline, if nothing is wrong with the file by itself.
    pub pipeline: Option<Pipeline>,
    /// The dataset and where it is named, if it could be read.
    pub dataset: Option<(DatasetId, Place)>,
    /// The tables it publishes.
    pub publishes: Vec<TableMention>,
    /// The crawlers it starts.
    pub crawlers: Vec<CrawlerMention>,
    /// The tables it reads.
    pub references: Vec<TableMention>,
    /// Whether `publishes` is all it publishes; false where the file could not be read so far.
    pub complete: bool,
}

/// A table named by a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableMention {
    /// Which table.
    pub table: TableId,
    /// The index of the stage.
    pub stage: usize,
    /// Where it is named.
    pub place: Place,
}

/// A crawler named by a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrawlerMention {
    /// Its name.
    pub crawler: String,
    /// Where it is named.
    pub place: Place,
}

/// Reads the pipeline file `file`, whose content is `text`.
pub fn decode(file: &str, text: &str, files: &dyn ProjectFiles) -> (PipelineFile, Vec<Diagnostic>) {
    let mut read = PipelineFile {
        file: file.to_owned(),
        pipeline: None,
        dataset: None,
        publishes: Vec::new(),
        crawlers: Vec::new(),
        references: Vec::new(),
        complete: false,
    };
    let report = Report::new(file, text);
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        let hint = "a pipeline file starts with `team:`, `dataset:` and `stages:`";
        return (read, vec![Diagnostic::new(Place::whole(file), "the pipeline file is empty").hint(hint)]);
    }
    if let Some(document) = Document::parse(text, &report) {
        let pipeline = Context { files, read: &mut read }.pipeline(document.root(&report));
        if report.is_empty() {
            read.pipeline = pipeline;
        }
    }
    (read, report.finish())
}

/// What decoding needs and collects besides the report.
struct Context<'c> {
    files: &'c dyn ProjectFiles,
    read: &'c mut PipelineFile,
}

impl Context<'_> {
    fn pipeline(&mut self, root: Value<'_>) -> Option<Pipeline> {
        let fields = root.fields(&["team", "dataset", "routes", "drift", "stages"], &[])?;
        let team = fields.require("team");
        let team = team.and_then(|team| names::segment(team, "a team's name"));
        let dataset_value = fields.require("dataset");
        let dataset = dataset_value.and_then(|dataset| names::segment(dataset, "a dataset's name"));
        let dataset = team.zip(dataset).map(|(team, dataset)| DatasetId::new(team, dataset));
        self.read.dataset = dataset.clone().zip(dataset_value.map(|value| value.place()));
        let routes = fields.get("routes").and_then(routes).unwrap_or_default();
        let drift = fields.get("drift").and_then(drift).unwrap_or_default();
        let stages = fields.require("stages").and_then(|stages| self.stages(stages));
        Some(Pipeline { dataset: dataset?, routes, drift, stages: stages? })
    }

    fn stages(&mut self, value: Value<'_>) -> Option<Vec<Stage>> {
        let items = value.filled_list()?;
        self.read.complete = true;
        let stages: Vec<Option<Stage>> = items.iter().enumerate().map(|(index, item)| self.stage(index, *item)).collect();
        stage::check_distinct(&items, &stages);
        stages.into_iter().collect()
    }
}

fn routes(value: Value<'_>) -> Option<Vec<Route>> {
    value.list()?.into_iter().map(route).collect()
}

fn route(value: Value<'_>) -> Option<Route> {
    let fields = value.fields(&["prefix", "suffix"], &[])?;
    let prefix = fields.require("prefix").and_then(|prefix| {
        let text = prefix.text()?;
        if text.starts_with('/') || text.starts_with("./") {
            prefix.wrong_with("a route's prefix starts like a key in the raw zone, without `/` or `./`", "write `inbox/`, not `/inbox/`");
            return None;
        }
        Some(text.to_owned())
    });
    let suffix = fields.get("suffix").and_then(|suffix| suffix.text()).unwrap_or_default().to_owned();
    Some(Route { prefix: prefix?, suffix })
}

fn drift(value: Value<'_>) -> Option<DriftPolicy> {
    value.one_of(&[("evolve", DriftPolicy::Evolve), ("freeze", DriftPolicy::Freeze), ("quarantine", DriftPolicy::Quarantine)])
}
