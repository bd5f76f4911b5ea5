//! Parcels as they come off the wire, made ready to run.

use std::{collections::HashMap, sync::Arc, time::Duration};

use lakegate_model::{Failure, FailureCode, Location, TaskId, Timestamp, TraceContext, pipeline::Stage, table::TableId};
use lakegate_proto::{
    convert::{Malformed, partition_from_wire},
    v1,
};

use super::control::Control;
use crate::engine::{Aside, History, Published, ReferenceFile, ReferenceTable, Target, TaskInput};

/// Stages kept decoded: more than a coordinator's pipelines have, as a rule.
const STAGES: usize = 256;

/// Tasks of one stage, to be worked off one after another in one slot.
pub(super) struct Parcel {
    pub(super) id: u64,
    pub(super) stage_key: String,
    pub(super) shared: Shared,
    pub(super) tasks: Vec<Task>,
}

/// A task ready to run.
pub(super) struct Task {
    pub(super) control: Arc<Control>,
    pub(super) trace: TraceContext,
    pub(super) input: TaskInput,
    pub(super) target: Target,
    pub(super) aside: Option<Aside>,
    pub(super) at: Timestamp,
}

/// What came of a parcel.
pub(super) struct Decoded {
    /// The tasks that can run; `None` if none can.
    pub(super) parcel: Option<Parcel>,
    /// Those that can't, and why.
    pub(super) failed: Vec<(TaskId, Failure)>,
}

/// Stages by their JSON, which comes with every parcel and is the same for as long as the pipeline is.
#[derive(Default)]
pub(super) struct Stages {
    known: HashMap<String, Arc<Stage>>,
}

impl Stages {
    fn get(&mut self, json: String) -> Result<Arc<Stage>, Malformed> {
        if let Some(stage) = self.known.get(&json) {
            return Ok(Arc::clone(stage));
        }
        let stage: Stage = serde_json::from_str(&json).map_err(|error| malformed("stage_json", &error.to_string()))?;
        let stage = Arc::new(stage);
        if self.known.len() >= STAGES {
            self.known.clear();
        }
        self.known.insert(json, Arc::clone(&stage));
        Ok(stage)
    }
}

/// Makes a parcel ready. A task that is malformed doesn't take its neighbours with it.
///
/// # Errors
/// If a task has no id: what can't be reported would be waited for until its deadline.
pub(super) fn decode(parcel: v1::Parcel, stages: &mut Stages) -> Result<Decoded, Malformed> {
    let v1::Parcel { id, stage_key, pipeline_version: _, stage_json, references, tasks, history, published } = parcel;
    let tasks: Vec<(TaskId, v1::Task)> = tasks.into_iter().map(identified).collect::<Result<_, _>>()?;
    let shared = match shared(stage_json, references, history, published, stages) {
        Ok(shared) => shared,
        Err(why) => {
            let failed = tasks.into_iter().map(|(task, _)| (task, defect(&why))).collect();
            return Ok(Decoded { parcel: None, failed });
        }
    };
    let (mut ready, mut failed) = (Vec::with_capacity(tasks.len()), Vec::new());
    for (id, message) in tasks {
        match task(&id, message) {
            Ok(task) => ready.push(task),
            Err(why) => failed.push((id, defect(&why))),
        }
    }
    let parcel = (!ready.is_empty()).then_some(Parcel { id, stage_key, shared, tasks: ready });
    Ok(Decoded { parcel, failed })
}

/// What all tasks of a parcel share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) stage: Arc<Stage>,
    pub(super) references: Arc<Vec<ReferenceTable>>,
    pub(super) history: Arc<History>,
    pub(super) published: Option<Arc<Published>>,
}

fn shared(
    stage_json: String,
    references: Vec<v1::Reference>,
    history: Vec<v1::Statistic>,
    published: Option<Box<v1::Published>>,
    stages: &mut Stages,
) -> Result<Shared, Malformed> {
    let stage = stages.get(stage_json)?;
    let references = Arc::new(references.into_iter().map(reference).collect::<Result<_, _>>()?);
    let published = published.map(|published| {
        let v1::Published { zone, table } = *published;
        Ok(Arc::new(Published { zone: Location::new(zone), table: table.map(reference).transpose()? }))
    });
    let points = |statistic: v1::Statistic| {
        let points = statistic.points.into_iter().map(|point| (Timestamp(point.at), point.value)).collect();
        (statistic.name, points)
    };
    let history = Arc::new(history.into_iter().map(points).collect());
    Ok(Shared { stage, references, history, published: published.transpose()? })
}

fn identified(mut task: v1::Task) -> Result<(TaskId, v1::Task), Malformed> {
    let id = task.id.take().ok_or_else(|| Malformed::missing("task.id"))?;
    Ok((id.into(), task))
}

fn task(id: &TaskId, task: v1::Task) -> Result<Task, Malformed> {
    let input = match task.input.ok_or_else(|| Malformed::missing("task.input"))? {
        v1::task::Input::Object(v1::ObjectInput { location, object }) => {
            let object = object.ok_or_else(|| Malformed::missing("task.object.object"))?.into();
            TaskInput::Object { location: Location::new(location), object }
        }
        v1::task::Input::Rows(v1::ObjectInput { location, object }) => {
            let object = object.ok_or_else(|| Malformed::missing("task.rows.object"))?.into();
            TaskInput::Rows { location: Location::new(location), object }
        }
        v1::task::Input::Manifest(manifest) => TaskInput::Batch { manifest: Location::new(manifest) },
    };
    let to = task.target.and_then(|target| target.to).ok_or_else(|| Malformed::missing("task.target"))?;
    let target = match to {
        v1::target::To::File(v1::FileTarget { location, key }) => Target::File { location: Location::new(location), key },
        v1::target::To::Table(v1::TableTarget { staging, root, partition_by }) => {
            Target::Table { staging: Location::new(staging), root, partition_by, execution: id.execution.clone() }
        }
    };
    let control = Arc::new(Control::new(id.clone(), Duration::from_millis(task.timeout_ms)));
    let aside = task.aside.map(|v1::FileTarget { location, key }| Aside { location: Location::new(location), key });
    Ok(Task { control, trace: task.traceparent.into(), input, target, aside, at: Timestamp(task.at) })
}

fn reference(reference: v1::Reference) -> Result<ReferenceTable, Malformed> {
    let v1::Reference { alias, table, version, schema, files } = reference;
    let table = TableId::parse(&table).ok_or_else(|| malformed("reference.table", &format!("is `{table}`, not `database.table`")))?;
    let schema = schema.ok_or_else(|| Malformed::missing("reference.schema"))?.try_into()?;
    let file = |v1::ReferenceFile { location, partition, bytes }: v1::ReferenceFile| ReferenceFile {
        location: Location::new(location),
        partition: partition_from_wire(partition),
        bytes,
    };
    let files = files.into_iter().map(file).collect();
    Ok(ReferenceTable { alias, table, version, schema, files })
}

fn malformed(field: &'static str, problem: &str) -> Malformed {
    Malformed { field, problem: problem.to_owned() }
}

/// A message of the coordinator that makes no sense is nobody's fault but Lakegate's.
fn defect(why: &Malformed) -> Failure {
    Failure::new(FailureCode::Internal, format!("the coordinator sent a task that can't be read: {why}"))
        .hint("run the same version of Lakegate as coordinator and worker")
}

#[cfg(test)]
mod tests {
    use super::{super::tests::message, *};

    #[test]
    fn a_malformed_task_leaves_its_neighbours_alone() {
        let mut parcel = message::parcel(7, &["ex-1", "ex-2", "ex-3"]);
        parcel.tasks[1].target = None;
        let decoded = decode(parcel, &mut Stages::default()).unwrap();
        let ready: Vec<String> = decoded.parcel.unwrap().tasks.iter().map(|task| task.control.id.execution.to_string()).collect();
        assert_eq!(ready, ["ex-1", "ex-3"]);
        let [(task, failure)] = &decoded.failed[..] else { panic!("{:?}", decoded.failed) };
        assert_eq!((task.execution.as_str(), failure.code), ("ex-2", FailureCode::Internal));
        assert!(failure.message.contains("task.target"), "{failure}");
    }

    #[test]
    fn a_stage_that_cannot_be_read_fails_each_task() {
        let parcel = v1::Parcel { stage_json: "{}".into(), ..message::parcel(7, &["ex-1", "ex-2"]) };
        let decoded = decode(parcel, &mut Stages::default()).unwrap();
        assert!(decoded.parcel.is_none());
        assert_eq!(decoded.failed.len(), 2);
    }

    #[test]
    fn a_task_without_an_id_is_refused() {
        let mut parcel = message::parcel(7, &["ex-1"]);
        parcel.tasks[0].id = None;
        assert!(decode(parcel, &mut Stages::default()).is_err());
    }

    #[test]
    fn a_stage_is_decoded_once() {
        let mut stages = Stages::default();
        let [one, two] = [1, 2].map(|id| decode(message::parcel(id, &["ex-1"]), &mut stages).unwrap().parcel.unwrap().shared.stage);
        assert!(Arc::ptr_eq(&one, &two));
    }
}
