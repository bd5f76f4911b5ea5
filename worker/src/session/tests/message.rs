//! Messages a coordinator sends.

use lakegate_model::pipeline::{Input, Output, RetryPolicy, Sql, Stage, Step, Transform, TransformWork, Trigger, Zone};
use lakegate_proto::v1::{self, CoordinatorMessage, coordinator_message::Message};

/// A stage that keeps every row.
pub(crate) fn stage() -> Stage {
    let sql = Sql { text: "SELECT a, a * 2 AS twice FROM input".into(), file: None };
    let timeout = std::time::Duration::from_secs(60);
    let transform = Transform { work: TransformWork::Sql(sql), references: Default::default(), timeout };
    Stage {
        name: "clean".into(),
        trigger: Trigger::Object,
        input: Input::default(),
        steps: vec![Step::Transform(transform)],
        output: Output { zone: Zone::Stage },
        retry: RetryPolicy::default(),
        queue: None,
    }
}

/// The id of the first attempt of an execution.
pub(crate) fn task_id(execution: &str) -> v1::TaskId {
    v1::TaskId { execution: execution.into(), step: 0, attempt: 1 }
}

/// The first attempt of an execution on the object at `path`.
pub(crate) fn task(execution: &str, path: &str) -> v1::Task {
    let size = std::fs::metadata(path).map_or(10, |metadata| metadata.len());
    let object = v1::ObjectVersion { bucket: "raw".into(), key: path.into(), version: "v".into(), sequencer: None, size };
    let file = v1::FileTarget { location: format!("file://{path}.parquet"), key: format!("{path}.parquet") };
    v1::Task {
        id: Some(task_id(execution)),
        input: Some(v1::task::Input::Object(v1::ObjectInput { location: format!("file://{path}"), object: Some(object) })),
        target: Some(v1::Target { to: Some(v1::target::To::File(file)) }),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
        timeout_ms: 60_000,
        aside: None,
        at: 0,
    }
}

/// A parcel of tasks that are done at once.
pub(crate) fn parcel(id: u64, executions: &[&str]) -> v1::Parcel {
    parcel_of(id, executions.iter().map(|execution| task(execution, "quick.csv")).collect())
}

/// A parcel of these tasks.
pub(crate) fn parcel_of(id: u64, tasks: Vec<v1::Task>) -> v1::Parcel {
    v1::Parcel {
        published: None,
        id,
        stage_key: "nyc/flights/clean".into(),
        pipeline_version: 1,
        stage_json: serde_json::to_string(&stage()).unwrap(),
        references: Vec::new(),
        tasks,
        history: Vec::new(),
    }
}

pub(crate) fn said(message: Message) -> CoordinatorMessage {
    CoordinatorMessage { message: Some(message) }
}
