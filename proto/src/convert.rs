//! Between messages and the types of `lakegate-model`.

use lakegate_model::{
    ExecutionId, Failure, FailureCode, Location, ObjectId, ObjectVersion, TaskId,
    audit::Audit,
    cost::Requests,
    machine::execution::{Rejected, TaskOutput},
    table::{Column, OutputFile, Schema},
};

use crate::v1;

/// A message that is not what it should be: which field, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}` {problem}")]
pub struct Malformed {
    /// The field's name.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Malformed {
    /// The field is needed and not there.
    pub fn missing(field: &'static str) -> Malformed {
        Malformed { field, problem: "is missing".to_owned() }
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Failure {
        Failure::new(FailureCode::InvalidRequest, malformed.to_string())
    }
}

impl From<&Failure> for v1::Failure {
    fn from(failure: &Failure) -> v1::Failure {
        v1::Failure { code: failure.code.as_str().to_owned(), message: failure.message.clone(), hint: failure.hint.clone() }
    }
}

impl From<v1::Failure> for Failure {
    fn from(failure: v1::Failure) -> Failure {
        let code = FailureCode::from_text(&failure.code).unwrap_or(FailureCode::Internal);
        Failure { code, message: failure.message, hint: failure.hint }
    }
}

impl From<&ObjectVersion> for v1::ObjectVersion {
    fn from(object: &ObjectVersion) -> v1::ObjectVersion {
        let ObjectVersion { bucket, key, version, sequencer, size } = object.clone();
        v1::ObjectVersion { bucket, key, version, sequencer, size }
    }
}

impl From<v1::ObjectVersion> for ObjectVersion {
    fn from(object: v1::ObjectVersion) -> ObjectVersion {
        let v1::ObjectVersion { bucket, key, version, sequencer, size } = object;
        ObjectVersion { bucket, key, version, sequencer, size }
    }
}

impl From<&TaskId> for v1::TaskId {
    fn from(task: &TaskId) -> v1::TaskId {
        v1::TaskId { execution: task.execution.as_str().to_owned(), step: task.step, attempt: task.attempt }
    }
}

impl From<v1::TaskId> for TaskId {
    fn from(task: v1::TaskId) -> TaskId {
        TaskId { execution: ExecutionId::from_text(task.execution), step: task.step, attempt: task.attempt }
    }
}

impl From<&Schema> for v1::Schema {
    fn from(schema: &Schema) -> v1::Schema {
        let column = |column: &Column| v1::Column {
            name: column.name.clone(),
            r#type: column.data_type.to_string(),
            type_json: serde_json::to_string(&column.data_type).unwrap_or_default(),
        };
        v1::Schema { columns: schema.columns.iter().map(column).collect() }
    }
}

impl TryFrom<v1::Schema> for Schema {
    type Error = Malformed;

    fn try_from(schema: v1::Schema) -> Result<Schema, Malformed> {
        let column = |column: v1::Column| {
            let data_type = serde_json::from_str(&column.type_json).map_err(|error| Malformed {
                field: "schema.columns.type_json",
                problem: format!("of column \"{}\": {error}", column.name),
            })?;
            Ok(Column { name: column.name, data_type })
        };
        Ok(Schema { columns: schema.columns.into_iter().map(column).collect::<Result<_, Malformed>>()? })
    }
}

/// Partition values as messages.
pub fn partition_to_wire(partition: &[(String, Option<String>)]) -> Vec<v1::PartitionValue> {
    partition.iter().map(|(column, value)| v1::PartitionValue { column: column.clone(), value: value.clone() }).collect()
}

/// Partition values from messages.
pub fn partition_from_wire(partition: Vec<v1::PartitionValue>) -> Vec<(String, Option<String>)> {
    partition.into_iter().map(|value| (value.column, value.value)).collect()
}

impl From<&OutputFile> for v1::OutputFile {
    fn from(file: &OutputFile) -> v1::OutputFile {
        v1::OutputFile {
            location: file.location.to_string(),
            key: file.key.clone(),
            partition: partition_to_wire(&file.partition),
            rows: file.rows,
            bytes: file.bytes,
            version: file.version.clone(),
        }
    }
}

impl From<v1::OutputFile> for OutputFile {
    fn from(file: v1::OutputFile) -> OutputFile {
        OutputFile {
            location: Location::new(file.location),
            key: file.key,
            partition: partition_from_wire(file.partition),
            rows: file.rows,
            bytes: file.bytes,
            version: file.version,
        }
    }
}

/// Requests as messages.
pub fn requests_to_wire(requests: &Requests) -> Vec<v1::Requests> {
    requests.iter().map(|(meter, thousandths)| v1::Requests { meter: meter.to_owned(), thousandths }).collect()
}

/// Requests from messages.
pub fn requests_from_wire(requests: Vec<v1::Requests>) -> Requests {
    requests.into_iter().map(|counted| (counted.meter, counted.thousandths)).collect()
}

impl From<&TaskOutput> for v1::TaskOutput {
    fn from(output: &TaskOutput) -> v1::TaskOutput {
        let rejected =
            |rejected: &Rejected| v1::RejectedObject { object: rejected.object.to_string(), failure: Some((&rejected.failure).into()) };
        v1::TaskOutput {
            files: output.files.iter().map(Into::into).collect(),
            rows_in: output.rows_in,
            rows_out: output.rows_out,
            input_schema: Some((&output.input_schema).into()),
            output_schema: Some((&output.output_schema).into()),
            rejected: output.rejected.iter().map(rejected).collect(),
            micros: output.micros,
            aside: output.aside.as_ref().map(|aside| Box::new(aside.into())),
            states: output.states,
            audit: output.audit.as_deref().map(|audit| Box::new(audit.into())),
        }
    }
}

impl TryFrom<v1::TaskOutput> for TaskOutput {
    type Error = Malformed;

    fn try_from(output: v1::TaskOutput) -> Result<TaskOutput, Malformed> {
        let rejected = |rejected: v1::RejectedObject| {
            let failure = rejected.failure.ok_or_else(|| Malformed::missing("rejected.failure"))?;
            Ok(Rejected { object: ObjectId::from_text(rejected.object), failure: failure.into() })
        };
        Ok(TaskOutput {
            files: output.files.into_iter().map(Into::into).collect(),
            rows_in: output.rows_in,
            rows_out: output.rows_out,
            input_schema: output.input_schema.ok_or_else(|| Malformed::missing("input_schema"))?.try_into()?,
            output_schema: output.output_schema.ok_or_else(|| Malformed::missing("output_schema"))?.try_into()?,
            rejected: output.rejected.into_iter().map(rejected).collect::<Result<_, Malformed>>()?,
            micros: output.micros,
            aside: output.aside.map(|aside| (*aside).into()),
            states: output.states,
            audit: output.audit.map(|audit| Audit::try_from(*audit).map(Box::new)).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use lakegate_model::table::DataType;

    use super::*;

    #[test]
    fn what_a_worker_made_survives_the_wire() {
        let schema: Schema =
            [("a", DataType::List(Box::new(DataType::Int(64)))), ("t", DataType::Timestamp(Some("UTC".into())))].into_iter().collect();
        let output = TaskOutput {
            files: vec![OutputFile {
                location: Location::of_path("/lake/a b%.parquet"),
                key: "a b%.parquet".into(),
                partition: vec![("day".into(), None), ("k".into(), Some(String::new()))],
                rows: 7,
                bytes: 8,
                version: "8-1".into(),
            }],
            rows_in: 9,
            rows_out: 7,
            input_schema: schema.clone(),
            output_schema: schema,
            rejected: vec![Rejected {
                object: ObjectId::of("raw", "k", "1"),
                failure: Failure::new(FailureCode::UnreadableData, "truncated"),
            }],
            micros: 5,
            aside: None,
            states: true,
            audit: None,
        };
        let aside = output.files.first().cloned();
        let output = TaskOutput { aside, audit: Some(Box::new(crate::audit::tests::audit())), ..output };
        assert_eq!(TaskOutput::try_from(v1::TaskOutput::from(&output)), Ok(output));
    }

    #[test]
    fn a_malformed_message_names_its_field() {
        let error = TaskOutput::try_from(v1::TaskOutput::default()).map_err(|malformed| malformed.to_string());
        assert_eq!(error, Err("field `input_schema` is missing".to_owned()));
    }
}
