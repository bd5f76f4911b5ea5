//! From rows of SDLF's tables Datasets and Pipelines to pipeline files. Reads and writes nothing.
//!
//! Stage `a` becomes a stage for each object as it lands, every other one a batch of what has come in
//! five minutes, as SDLF forms them. What a transform does stands in Python that is shipped elsewhere: in
//! its place stands SQL that passes everything through, and the transform's name, to be ported.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::Serialize;
use serde_json::Value;

/// SDLF's own defaults.
const DEFAULT_STAGES: [&str; 2] = ["a", "b"];
const DEFAULT_LEAST: u64 = 1;
const DEFAULT_MOST: u64 = 100;

/// What a row of Datasets may have besides.
const KNOWN: &[&str] = &[
    "name",
    "id",
    "type",
    "version",
    "description",
    "pipeline",
    "transforms",
    "min_items_process",
    "max_items_process",
    "last_updated_timestamp",
];

/// A dataset as a pipeline file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Imported {
    /// Whose data.
    pub(super) team: String,
    /// What data.
    pub(super) dataset: String,
    /// SDLF's name of its pipeline.
    pub(super) pipeline: String,
    /// The pipeline file, relative to the project.
    pub(super) file: String,
    /// All files, relative to the project, with their texts.
    #[serde(skip)]
    pub(super) files: Vec<(String, String)>,
    /// What could not be carried over, for people.
    pub(super) notes: Vec<String>,
}

/// A row that became no pipeline file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LeftOut {
    /// The row's name.
    pub(super) row: String,
    /// Why.
    pub(super) why: String,
}

/// What the rows became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mapped {
    pub(super) imported: Vec<Imported>,
    pub(super) left_out: Vec<LeftOut>,
}

/// A stage of a pipeline of SDLF's.
#[derive(Clone, Debug, Default)]
struct Stage {
    is_active: bool,
    limits: (Option<u64>, Option<u64>),
}

/// The stages of a pipeline, by their letters.
type Stages = BTreeMap<String, Stage>;

/// Maps all rows, in the order of the datasets' names.
pub(super) fn map(datasets: &[Value], pipelines: &[Value]) -> Mapped {
    let mut mapped = Mapped::default();
    let mut stages: BTreeMap<String, Stages> = BTreeMap::new();
    for row in pipelines {
        let name = row["name"].as_str().unwrap_or_default();
        match name.split_once("-stage-").filter(|(pipeline, letter)| !(pipeline.is_empty() || letter.is_empty())) {
            Some((pipeline, letter)) => {
                let limit = |which: &str| whole(&row["pipeline"][which]);
                let is_active = row["status"].as_str().is_none_or(|status| status == "ACTIVE");
                let stage = Stage { is_active, limits: (limit("min_items_process"), limit("max_items_process")) };
                stages.entry(pipeline.to_owned()).or_default().insert(letter.to_owned(), stage);
            }
            None => mapped.left_out.push(LeftOut { row: name.to_owned(), why: "its name is not {team}-{pipeline}-stage-{x}".to_owned() }),
        }
    }
    let mut rows: Vec<&Value> = datasets.iter().collect();
    rows.sort_by_key(|row| row["name"].as_str().unwrap_or_default());
    let mut used = BTreeSet::new();
    for row in rows {
        let name = row["name"].as_str().unwrap_or_default();
        match dataset(row, &stages, &mut used) {
            Ok(imported) => mapped.imported.push(imported),
            Err(why) => mapped.left_out.push(LeftOut { row: name.to_owned(), why }),
        }
    }
    for pipeline in stages.keys().filter(|pipeline| !used.contains(*pipeline)) {
        mapped.left_out.push(LeftOut { row: format!("{pipeline}-stage-…"), why: "no dataset names this pipeline".to_owned() });
    }
    mapped
}

fn dataset(row: &Value, pipelines: &BTreeMap<String, Stages>, used: &mut BTreeSet<String>) -> Result<Imported, String> {
    let name = row["name"].as_str().unwrap_or_default();
    let Some((team, dataset)) = name.split_once('-').filter(|(team, dataset)| is_folder(team) && is_folder(dataset)) else {
        return Err("its name is not {team}-{dataset}".to_owned());
    };
    let mut notes = Vec::new();
    let pipeline = match &row["pipeline"] {
        Value::String(pipeline) => pipeline.clone(),
        // Later versions of SDLF keep details by the pipeline's name.
        Value::Object(details) if details.len() == 1 => {
            notes.push("the details of its pipeline: set what a stage needs in its job".to_owned());
            details.keys().next().cloned().unwrap_or_default()
        }
        _ => return Err("it names no pipeline".to_owned()),
    };
    let stages = match pipelines.get(&format!("{team}-{pipeline}")) {
        Some(stages) => {
            used.insert(format!("{team}-{pipeline}"));
            stages.clone()
        }
        None => {
            notes.push(format!("no stage of the pipeline {team}-{pipeline} has a row: it is given the stages a and b"));
            DEFAULT_STAGES.iter().map(|letter| ((*letter).to_owned(), Stage { is_active: true, ..Stage::default() })).collect()
        }
    };
    let folder = format!("transforms/{team}/{dataset}");
    let mut text = head(row, team, dataset, &pipeline);
    let mut files = Vec::new();
    let last = stages.keys().next_back().cloned().unwrap_or_default();
    for (letter, stage) in &stages {
        let transform = transform(row, letter, &mut notes);
        if !stage.is_active {
            notes.push(format!("stage {letter} is not active: `lakegate stage pause {team}/{dataset}/stage-{letter}` holds it"));
        }
        let sql = format!("{folder}/stage-{letter}.sql");
        let is_first = files.is_empty();
        let body = if is_first {
            object_stage(letter, &transform, &sql)
        } else {
            let limits = limits(row, letter, stage, &mut notes);
            batch_stage(letter, limits, &transform, &sql, (*letter == last).then_some((team, dataset)))
        };
        text.push_str(&body);
        files.push((sql, passing_through(&transform)));
    }
    let names = row.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let others: BTreeSet<&str> = names.filter(|name| !KNOWN.contains(name)).collect();
    if !others.is_empty() {
        notes.push(format!("attributes of its row that Lakegate has no use for: {}", others.into_iter().collect::<Vec<_>>().join(", ")));
    }
    let file = format!("pipelines/{team}/{dataset}.yaml");
    files.insert(0, (file.clone(), text));
    Ok(Imported { team: team.to_owned(), dataset: dataset.to_owned(), pipeline, file, files, notes })
}

fn head(row: &Value, team: &str, dataset: &str, pipeline: &str) -> String {
    let mut text = format!("# Imported from SDLF: the dataset {team}-{dataset}, of the pipeline {}.\n", line(pipeline));
    if let Some(description) = row["description"].as_str() {
        let _ = writeln!(text, "# {}", line(description));
    }
    let _ = write!(text, "team: {}\ndataset: {}\nstages:\n", scalar(team), scalar(dataset));
    text
}

fn object_stage(letter: &str, transform: &str, sql: &str) -> String {
    format!(
        "  # Each object as it lands.\n  - name: {}\n    trigger: object\n    steps:\n{}      - transform: {{ sql: {} }}\n    output: {{ zone: stage, format: parquet }}\n",
        scalar(&format!("stage-{letter}")),
        to_port(transform),
        scalar(sql)
    )
}

fn batch_stage(letter: &str, (least, most): (u64, u64), transform: &str, sql: &str, published: Option<(&str, &str)>) -> String {
    let publish = published.map(|(team, dataset)| {
        let name = |text: &str| scalar(&text.to_lowercase().replace(['-', '.'], "_"));
        format!("      # In place of the crawler.\n      - publish: {{ database: {}, table: {} }}\n", name(team), name(dataset))
    });
    let zone = if published.is_some() { "analytics" } else { "stage" };
    format!(
        "  # What has come together.\n  - name: {}\n    trigger: {{ batch: {{ every: 5m, min_objects: {least}, max_objects: {most} }} }}\n    steps:\n{}      - job: {{ engine: worker, sql: {} }}\n{}    output: {{ zone: {zone}, format: parquet }}\n",
        scalar(&format!("stage-{letter}")),
        to_port(transform),
        scalar(sql),
        publish.unwrap_or_default()
    )
}

fn to_port(transform: &str) -> String {
    if transform.is_empty() {
        return String::new();
    }
    format!("      # TO BE PORTED: SDLF ran the transform {transform} here; the SQL passes everything through.\n")
}

fn passing_through(transform: &str) -> String {
    if transform.is_empty() {
        return "-- Passes everything through.\nSELECT * FROM input\n".to_owned();
    }
    format!("-- TO BE PORTED: SDLF's transform {transform}.\n-- Until then everything passes through.\nSELECT * FROM input\n")
}

/// The name of a stage's transform; empty if it has none.
fn transform(row: &Value, letter: &str, notes: &mut Vec<String>) -> String {
    match &row["transforms"][format!("stage_{letter}_transform")] {
        Value::String(name) => {
            notes.push(format!("the transform of stage {letter}: port the code of {} to transforms/…/stage-{letter}.sql", line(name)));
            line(name)
        }
        _ => String::new(),
    }
}

/// The limits of a batch: the dataset's, its pipeline's, or SDLF's defaults.
fn limits(row: &Value, letter: &str, stage: &Stage, notes: &mut Vec<String>) -> (u64, u64) {
    let key = format!("stage_{letter}");
    let of = |which: &str, of_pipeline: Option<u64>, default: u64| whole(&row[which][&key]).or(of_pipeline).unwrap_or(default).max(1);
    let least = of("min_items_process", stage.limits.0, DEFAULT_LEAST);
    let most = of("max_items_process", stage.limits.1, DEFAULT_MOST);
    if least > most {
        notes.push(format!("stage {letter} has a minimum of {least} and a maximum of {most}: the minimum is taken for both"));
    }
    (least, most.max(least))
}

/// A number, however it is written.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Whether a name can be a folder, as pipeline files ask.
fn is_folder(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['.', '_']) && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// On one line, so that a comment stays one.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A text as YAML reads it back as a text.
fn scalar(text: &str) -> String {
    let is_plain =
        text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_plain && !is_word { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
