//! Imported files are read back as `lakegate check` reads them.

use std::collections::HashMap;

use lakegate_model::pipeline::{
    Pipeline, Schedule, Trigger, Zone,
    decode::{FileProblem, ProjectFiles, decode},
};
use serde_json::json;

use super::*;

struct Files(HashMap<String, String>);

impl ProjectFiles for Files {
    fn read(&self, path: &str) -> Result<String, FileProblem> {
        self.0.get(path).cloned().ok_or(FileProblem::Missing)
    }

    fn files_ending(&self, _: &str) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// The pipeline that an imported file declares.
fn read(imported: &Imported) -> Pipeline {
    let files = Files(imported.files.iter().cloned().collect());
    let (read, wrong) = decode(&imported.file, &files.0[&imported.file], &files);
    assert!(wrong.is_empty(), "{wrong:?} in:\n{}", files.0[&imported.file]);
    read.pipeline.unwrap()
}

fn legislators() -> Value {
    json!({
        "name": "engineering-legislators", "pipeline": "main", "version": 1,
        "transforms": { "stage_a_transform": "light_transform_blueprint", "stage_b_transform": "heavy_transform_blueprint" },
        "min_items_process": { "stage_b": 2, "stage_c": 1 }, "max_items_process": { "stage_b": "50", "stage_c": 100 },
    })
}

fn stage(name: &str) -> Value {
    json!({ "name": name, "type": "TRANSFORMATION", "status": "ACTIVE", "version": 1 })
}

#[test]
fn a_dataset_becomes_an_object_stage_and_a_batch_stage() {
    let mapped = map(&[legislators()], &[stage("engineering-main-stage-b"), stage("engineering-main-stage-a")]);
    assert_eq!(mapped.left_out, []);
    let imported = &mapped.imported[0];
    assert_eq!((imported.file.as_str(), imported.pipeline.as_str()), ("pipelines/engineering/legislators.yaml", "main"));
    let pipeline = read(imported);
    assert_eq!(pipeline.dataset.to_string(), "engineering/legislators");
    let names: Vec<&str> = pipeline.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["stage-a", "stage-b"]);
    assert_eq!(pipeline.stages[0].trigger, Trigger::Object);
    let Trigger::Batch(batch) = &pipeline.stages[1].trigger else { panic!("no batch") };
    assert_eq!((batch.min_objects, batch.max_objects), (2, 50));
    assert_eq!(batch.schedule, Schedule::Every(std::time::Duration::from_secs(300)));
    assert_eq!(pipeline.stages[1].publish().unwrap().table.to_string(), "engineering.legislators");
    assert_eq!(pipeline.stages.iter().map(|stage| stage.output.zone).collect::<Vec<_>>(), [Zone::Stage, Zone::Analytics]);
    assert!(imported.files[1].1.contains("light_transform_blueprint") && imported.files[0].1.contains("heavy_transform_blueprint"));
    assert_eq!(imported.notes.len(), 2, "{:?}", imported.notes);
}

#[test]
fn what_cannot_be_carried_over_is_told() {
    let mut odd = legislators();
    odd["tags"] = json!(["x"]);
    odd["dependencies"] = json!({});
    odd["description"] = json!("two\nlines: # and more");
    odd["min_items_process"]["stage_b"] = json!(500);
    let mut idle = stage("engineering-main-stage-b");
    idle["status"] = json!("DISABLED");
    let mapped = map(&[odd], &[stage("engineering-main-stage-a"), idle]);
    let Trigger::Batch(batch) = &read(&mapped.imported[0]).stages[1].trigger.clone() else { panic!("no batch") };
    assert_eq!((batch.min_objects, batch.max_objects), (500, 500));
    let notes = mapped.imported[0].notes.join("\n");
    for told in ["dependencies, tags", "minimum of 500", "stage b is not active"] {
        assert!(notes.contains(told), "{told}: {notes}");
    }
    let rows = [json!({ "name": "nodash", "pipeline": "main" }), json!({ "name": "a-b" }), json!({ "name": "../x-y", "pipeline": "m" })];
    let mapped = map(&rows, &[stage("strange"), stage("other-main-stage-a")]);
    assert_eq!(mapped.imported, []);
    assert_eq!(mapped.left_out.len(), 5, "{:?}", mapped.left_out);
}

#[test]
fn stages_are_those_that_have_rows() {
    let letters = |rows: &[Value]| {
        let pipeline = read(&map(&[legislators()], rows).imported[0]);
        pipeline.stages.into_iter().map(|stage| stage.name).collect::<Vec<_>>()
    };
    assert_eq!(letters(&[]), ["stage-a", "stage-b"]);
    assert_eq!(letters(&[stage("engineering-main-stage-a")]), ["stage-a"]);
    let three = ["a", "b", "c"].map(|letter| stage(&format!("engineering-main-stage-{letter}")));
    assert_eq!(letters(&three), ["stage-a", "stage-b", "stage-c"]);
    let later =
        json!({ "name": "engineering-main-stage-b", "status": "ACTIVE", "pipeline": { "max_items_process": 7, "min_items_process": 3 } });
    let mut row = legislators();
    row["max_items_process"] = Value::Null;
    row["min_items_process"] = Value::Null;
    row["pipeline"] = json!({ "main": { "B": {} } });
    let pipeline = read(&map(&[row], &[stage("engineering-main-stage-a"), later]).imported[0]);
    let Trigger::Batch(batch) = &pipeline.stages[1].trigger else { panic!("no batch") };
    assert_eq!((batch.min_objects, batch.max_objects), (3, 7));
}

#[test]
fn names_that_yaml_takes_for_something_else_stay_names() {
    let row = json!({ "name": "on-2013", "pipeline": "main" });
    assert_eq!(read(&map(&[row], &[]).imported[0]).dataset.to_string(), "on/2013");
}
