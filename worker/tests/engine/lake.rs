//! A lake in a temporary directory, and tasks on it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lakegate_model::{
    BatchId, DatasetId, ExecutionId, Failure, Location, ObjectId, ObjectVersion, StageKey, Timestamp,
    machine::execution::TaskOutput,
    object::file_version,
    pipeline::{
        ColumnType, Composites, CsvOptions, Format, Input, OnFailure, Operation, Output, Quality, RetryPolicy, Ruleset, Scope, Sql, Stage,
        Step, Transform, TransformWork, Trigger, Zone,
    },
    table::TableId,
};
use lakegate_proto::manifest::{Manifest, ManifestObject};
use lakegate_worker::engine::{Aside, Assignment, Engine, EngineOptions, History, ReferenceFile, ReferenceTable, Target, TaskInput};
use polars::prelude::*;
use tempfile::TempDir;

pub(crate) struct Lake {
    pub(crate) folder: TempDir,
    pub(crate) engine: Engine,
}

impl Lake {
    pub(crate) fn new() -> Lake {
        Lake::with(32 << 20, 1 << 30)
    }

    /// Everything is read in pieces.
    pub(crate) fn streaming() -> Lake {
        Lake::with(0, 1 << 30)
    }

    pub(crate) fn with(stream_above: u64, slot_memory: u64) -> Lake {
        let folder = TempDir::new().unwrap();
        let options = EngineOptions { scratch: folder.path().join("scratch"), slot_memory };
        Lake { engine: Engine::new(options).stream_above(stream_above), folder }
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join(key)
    }

    pub(crate) fn location(&self, key: &str) -> Location {
        Location::of_path(self.path(key).to_str().unwrap())
    }

    /// Writes a file and says which object it is.
    pub(crate) fn put(&self, key: &str, bytes: impl AsRef<[u8]>) -> ObjectVersion {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        self.object(key)
    }

    pub(crate) fn object(&self, key: &str) -> ObjectVersion {
        let metadata = fs::metadata(self.path(key)).unwrap();
        let mtime = metadata.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
        let version = file_version(metadata.len(), i128::try_from(mtime.as_nanos()).unwrap());
        ObjectVersion { bucket: "raw".into(), key: key.into(), version, sequencer: None, size: metadata.len() }
    }

    pub(crate) fn input(&self, object: &ObjectVersion) -> TaskInput {
        TaskInput::Object { location: self.location(&object.key), object: object.clone() }
    }

    pub(crate) fn batch(&self, objects: &[ObjectVersion]) -> TaskInput {
        let stage = StageKey::new(DatasetId::new("nyc", "flights"), "monthly");
        let ids: Vec<ObjectId> = objects.iter().map(ObjectVersion::id).collect();
        let entries =
            objects.iter().map(|object| ManifestObject { id: object.id(), location: self.location(&object.key), object: object.clone() });
        let manifest = Manifest { batch: BatchId::of(&stage, &ids), stage, objects: entries.collect() };
        self.put("manifest.json", serde_json::to_vec(&manifest).unwrap());
        TaskInput::Batch { manifest: self.location("manifest.json") }
    }

    pub(crate) fn file_target(&self) -> Target {
        Target::File { location: self.location("stage/out dir/a b%.parquet"), key: "out dir/a b%.parquet".into() }
    }

    pub(crate) fn table_target(&self, partition_by: &[&str]) -> Target {
        Target::Table {
            staging: self.location("staging"),
            root: "nyc/flights/t".into(),
            partition_by: partition_by.iter().map(|column| (*column).to_owned()).collect(),
            execution: ExecutionId::from_text("ex-1"),
        }
    }

    pub(crate) fn run(&self, stage: Stage, input: TaskInput, target: Target) -> Result<TaskOutput, Failure> {
        self.run_with(stage, input, target, Vec::new())
    }

    pub(crate) fn run_with(
        &self,
        stage: Stage,
        input: TaskInput,
        target: Target,
        references: Vec<ReferenceTable>,
    ) -> Result<TaskOutput, Failure> {
        self.run_remembering(stage, input, target, references, History::new())
    }

    /// Runs a stage whose rules may look back.
    pub(crate) fn run_remembering(
        &self,
        stage: Stage,
        input: TaskInput,
        target: Target,
        references: Vec<ReferenceTable>,
        history: History,
    ) -> Result<TaskOutput, Failure> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let aside = Aside { location: self.location("staging/aside.parquet"), key: "aside.parquet".into() };
        let result = self.engine.execute(&Assignment {
            stage: Arc::new(stage),
            references: Arc::new(references),
            history: Arc::new(history),
            published: None,
            input,
            target,
            aside: Some(aside),
            at: Timestamp(1_767_225_600_000),
            cancelled,
        });
        self.check_nothing_left();
        result
    }

    pub(crate) fn cancelled(&self, stage: Stage, input: TaskInput) -> Result<TaskOutput, Failure> {
        let cancelled = Arc::new(AtomicBool::new(false));
        cancelled.store(true, Ordering::Relaxed);
        self.engine.execute(&Assignment {
            stage: Arc::new(stage),
            references: Arc::default(),
            history: Arc::default(),
            published: None,
            input,
            target: self.file_target(),
            aside: None,
            at: Timestamp(0),
            cancelled,
        })
    }

    /// Runs a stage on one object into a file and reads the file back.
    pub(crate) fn transform(&self, stage: Stage, object: &ObjectVersion) -> Result<(TaskOutput, DataFrame), Failure> {
        let output = self.run(stage, self.input(object), self.file_target())?;
        let frame = read(&self.path("stage/out dir/a b%.parquet"));
        Ok((output, frame))
    }

    /// No hidden or scratch file is ever left, whatever happened.
    fn check_nothing_left(&self) {
        let mut folders = vec![self.folder.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    let name = entry.file_name();
                    assert!(!name.to_string_lossy().contains("lakegate-"), "left behind: {}", entry.path().display());
                }
            }
        }
    }
}

pub(crate) fn read(path: &Path) -> DataFrame {
    ParquetReader::new(fs::File::open(path).unwrap()).finish().unwrap()
}

pub(crate) fn stage(input: Input, steps: Vec<Step>) -> Stage {
    Stage {
        name: "clean".into(),
        trigger: Trigger::Object,
        input,
        steps,
        output: Output { zone: Zone::Stage },
        retry: RetryPolicy::default(),
        queue: None,
    }
}

pub(crate) fn step(work: TransformWork) -> Step {
    Step::Transform(Transform { work, references: Default::default(), timeout: Duration::from_secs(60) })
}

pub(crate) fn sql(text: &str) -> Stage {
    stage(Input::default(), vec![step(TransformWork::Sql(Sql { text: text.into(), file: Some("transforms/t.sql".into()) }))])
}

pub(crate) fn copy() -> Stage {
    stage(Input::default(), Vec::new())
}

pub(crate) fn operations(operations: Vec<Operation>) -> Stage {
    stage(Input::default(), vec![step(TransformWork::Operations(operations))])
}

pub(crate) fn declaring(columns: &[(&str, ColumnType)]) -> Input {
    Input { columns: columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(), ..Input::default() }
}

pub(crate) fn csv_options(options: CsvOptions) -> Input {
    Input { format: Some(Format::Csv), csv: options, ..Input::default() }
}

pub(crate) fn reference(lake: &Lake, alias: &str, output: &TaskOutput) -> ReferenceTable {
    let _ = lake;
    ReferenceTable {
        alias: alias.into(),
        table: TableId::new("nyc", alias),
        version: 1,
        schema: output.output_schema.clone(),
        files: output.files.iter().map(ReferenceFile::from).collect(),
    }
}

/// The stage with an audit as its last step.
pub(crate) fn audited(stage: Stage, on_failure: OnFailure, rules: &str) -> Stage {
    let rules = Ruleset { text: format!("Rules = [ {rules} ]"), file: "quality/q.dqdl".into(), looks_back: None };
    let quality = Quality {
        rules,
        on_failure,
        scope: Scope::default(),
        composites: Composites::default(),
        references: Default::default(),
        timeout: Duration::from_secs(60),
    };
    Stage { steps: stage.steps.into_iter().chain([Step::Quality(quality)]).collect(), ..stage }
}

/// A frame's rows as text, a line for each.
pub(crate) fn rows(frame: &DataFrame) -> Vec<String> {
    (0..frame.height())
        .map(|row| frame.columns().iter().map(|column| column.get(row).unwrap().to_string().replace('"', "")).collect::<Vec<_>>().join("|"))
        .collect()
}

/// Columns and types of a schema on one line.
pub(crate) fn types(schema: &lakegate_model::table::Schema) -> String {
    schema.columns.iter().map(|column| format!("{} {}", column.name, column.data_type)).collect::<Vec<_>>().join(", ")
}
