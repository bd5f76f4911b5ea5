//! Tables and pipelines as users see them.

use lakegate_model::{
    Failure, FailureCode, StageKey,
    pipeline::Trigger,
    table::{TableFile, TableId, TableVersion},
};
use lakegate_proto::{convert::partition_to_wire, v1};

use crate::{
    ports::{Result, ledger::PipelineVersion},
    shared::Shared,
};

pub(super) async fn get(shared: &Shared, name: &str) -> Result<v1::Table> {
    let id =
        TableId::parse(name).ok_or_else(|| Failure::new(FailureCode::InvalidRequest, format!("`{name}` is not <database>.<table>")))?;
    match shared.ports.catalog.table(&id).await? {
        Some(found) => Ok(v1::Table { files: found.files.iter().map(file).collect(), ..table(&found) }),
        None => {
            let known: Vec<String> = shared.ports.catalog.tables().await?.iter().map(|table| table.id.to_string()).collect();
            let failure = Failure::new(FailureCode::NotFound, format!("there is no table {id}"));
            Err(if known.is_empty() {
                failure.hint("nothing is published yet")
            } else {
                failure.hint(format!("there are {}", known.join(", ")))
            })
        }
    }
}

pub(super) async fn list(shared: &Shared) -> Result<v1::ListTablesResponse> {
    Ok(v1::ListTablesResponse { tables: shared.ports.catalog.tables().await?.iter().map(table).collect() })
}

fn table(table: &TableVersion) -> v1::Table {
    v1::Table {
        table: table.id.to_string(),
        version: table.version,
        location: table.location.to_string(),
        schema: Some((&table.schema).into()),
        partition_by: table.partition_by.clone(),
        rows: table.rows(),
        bytes: table.bytes(),
        file_count: u64::try_from(table.files.len()).unwrap_or(u64::MAX),
        updated_at: table.at.0,
        files: Vec::new(),
    }
}

fn file(file: &TableFile) -> v1::TableFile {
    v1::TableFile {
        location: file.location.to_string(),
        partition: partition_to_wire(&file.partition),
        rows: file.rows,
        bytes: file.bytes,
        run: file.execution.to_string(),
    }
}

pub(super) async fn pipelines(shared: &Shared) -> Result<v1::ListPipelinesResponse> {
    let paused = shared.ports.ledger.paused().await?;
    let pipelines = shared.ports.ledger.pipelines().await?;
    Ok(v1::ListPipelinesResponse { pipelines: pipelines.iter().map(|version| pipeline(version, &paused)).collect() })
}

fn pipeline(version: &PipelineVersion, paused: &[StageKey]) -> v1::PipelineInfo {
    let dataset = &version.pipeline.dataset;
    let stage = |stage: &lakegate_model::pipeline::Stage| v1::StageInfo {
        name: stage.name.clone(),
        trigger: if matches!(stage.trigger, Trigger::Object) { "object" } else { "batch" }.to_owned(),
        paused: paused.contains(&StageKey::new(dataset.clone(), &stage.name)),
    };
    v1::PipelineInfo {
        team: dataset.team.clone(),
        dataset: dataset.dataset.clone(),
        version: version.version,
        applied_at: version.at.0,
        stages: version.pipeline.stages.iter().map(stage).collect(),
        pipeline_json: serde_json::to_string(&version.pipeline).unwrap_or_default(),
    }
}

/// Refuses a stage that no pipeline has.
pub(super) async fn stage_exists(shared: &Shared, key: &StageKey) -> Result<()> {
    let pipelines = shared.ports.ledger.pipelines().await?;
    let exists = pipelines.iter().any(|version| version.pipeline.dataset == key.dataset && version.pipeline.stage(&key.stage).is_some());
    if exists { Ok(()) } else { Err(Failure::new(FailureCode::NotFound, format!("there is no stage {key}"))) }
}
