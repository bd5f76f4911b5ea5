//! Messages at a stage's own queue: Lakegate's, or anybody's who hands an object to the stage.
//!
//! ```json
//! {"team": "shop", "dataset": "orders", "pipeline_stage": "gather", "bucket": "my-lake", "key": "stage/shop/orders/clean/1.parquet",
//!  "size": 1234, "version": "…", "relative": "1", "made_by": "…"}
//! ```
//!
//! Only `bucket` and `key` have to be there, the names of the stage too if several take from the
//! queue. A list of such objects is as many objects. What else is in it is nobody's concern here.

use lakegate_coordinator::ports::{NotUnderstood, Passed};
use lakegate_model::{DatasetId, ExecutionId, StageKey, TraceContext, pipeline::Zone, project::Zones};
use serde::Deserialize;
use serde_json::Value;

use super::{Reason, Told, is_ours, parse};

/// What is written about one object.
#[derive(Deserialize)]
struct Written {
    bucket: String,
    key: String,
    team: Option<String>,
    dataset: Option<String>,
    pipeline_stage: Option<String>,
    size: Option<u64>,
    version: Option<String>,
    relative: Option<String>,
    made_by: Option<String>,
}

/// Reads the body of one message for one of these stages.
pub(crate) fn read(zones: &Zones, stages: &[StageKey], body: &str, trace: TraceContext) -> Told {
    let mut told = Told::default();
    let parts = match parse(body) {
        Ok(Value::Array(parts)) => parts,
        Ok(part) => vec![part],
        Err(reason) => {
            told.not_understood.push(NotUnderstood { body: body.to_owned(), reason });
            return told;
        }
    };
    for part in parts {
        let text = part.to_string();
        match passed(zones, stages, part, trace) {
            Ok(passed) => told.passed.push(passed),
            Err(reason) => told.not_understood.push(NotUnderstood { body: text, reason }),
        }
    }
    told
}

fn passed(zones: &Zones, stages: &[StageKey], part: Value, trace: TraceContext) -> Result<Passed, Reason> {
    let written: Written =
        serde_json::from_value(part).map_err(|error| format!("it does not name an object by `bucket` and `key`: {error}"))?;
    let stage = stage(stages, &written)?;
    let (zone, key) = place(zones, &written)?;
    let version = written.version.filter(|version| !version.is_empty()).zip(written.size);
    let made_by = written.made_by.filter(|id| !id.is_empty()).map(ExecutionId::from_text);
    Ok(Passed { stage, zone, key, version, relative: written.relative.filter(|relative| !relative.is_empty()), made_by, trace })
}

fn stage(stages: &[StageKey], written: &Written) -> Result<StageKey, Reason> {
    let is_named = |stage: &&StageKey| {
        let same = |said: &Option<String>, is: &str| said.as_deref().is_none_or(|said| said == is);
        let StageKey { dataset: DatasetId { team, dataset }, stage } = stage;
        same(&written.team, team) && same(&written.dataset, dataset) && same(&written.pipeline_stage, stage)
    };
    let mut named = stages.iter().filter(is_named);
    match (named.next(), named.next()) {
        (Some(stage), None) => Ok(stage.clone()),
        (None, _) => Err("it names a `team`, `dataset` and `pipeline_stage` that take nothing from this queue".to_owned()),
        (Some(_), Some(_)) => {
            Err("several stages take from this queue, and `team`, `dataset` and `pipeline_stage` do not say which is meant".to_owned())
        }
    }
}

fn place(zones: &Zones, written: &Written) -> Result<(Zone, String), Reason> {
    let Written { bucket, key, .. } = written;
    let on_s3 = zones.of_s3(bucket, key).map(|(zone, below)| (zone, below.to_owned()));
    // A lake whose zones are folders has no buckets but the zones' names.
    let in_zone = || Zone::from_text(bucket).filter(|zone| zones.location(*zone).s3().is_none()).map(|zone| (zone, key.clone()));
    let found = on_s3.or_else(in_zone).filter(|(_, below)| is_ours(below) && !below.split('/').any(|part| matches!(part, "." | "..")));
    found.ok_or_else(|| format!("{bucket}/{key} lies in no zone of this lake"))
}

#[cfg(test)]
mod tests {
    use lakegate_model::Location;

    use super::*;

    fn zones() -> Zones {
        let at = |prefix: &str| Location::new(format!("s3://lake/{prefix}"));
        Zones { raw: at("raw"), stage: at("stage"), analytics: at("analytics") }
    }

    fn stage_key(dataset: &str) -> StageKey {
        StageKey::new(DatasetId::new("shop", dataset), "gather")
    }

    fn read_for(stages: &[StageKey], body: &str) -> Told {
        read(&zones(), stages, body, TraceContext::NONE)
    }

    #[test]
    fn a_place_is_enough_where_one_stage_takes_from_the_queue() {
        let told = read_for(&[stage_key("orders")], r#"{"bucket":"lake","key":"stage/shop/orders/clean/a b+ü.parquet","else":1}"#);
        assert_eq!(told.not_understood, []);
        let passed = &told.passed[0];
        assert_eq!((passed.zone, passed.key.as_str()), (Zone::Stage, "shop/orders/clean/a b+ü.parquet"));
        assert_eq!((&passed.stage, &passed.version, &passed.relative), (&stage_key("orders"), &None, &None));
    }

    #[test]
    fn of_several_stages_the_named_one_is_meant() {
        let stages = [stage_key("orders"), stage_key("returns")];
        let told = read_for(&stages, r#"[{"dataset":"returns","bucket":"lake","key":"stage/x"},{"bucket":"lake","key":"stage/y"}]"#);
        assert_eq!(told.passed.iter().map(|passed| &passed.stage).collect::<Vec<_>>(), [&stages[1]]);
        assert!(told.not_understood[0].reason.contains("several stages"), "{:?}", told.not_understood);
    }

    #[test]
    fn what_is_no_object_of_this_lake_is_set_aside_with_the_reason() {
        for (body, reason) in [
            ("what?", "no JSON"),
            ("{}", "bucket"),
            (r#"{"bucket":"other","key":"stage/x"}"#, "no zone"),
            (r#"{"bucket":"lake","key":"stage/_lakegate/x"}"#, "no zone"),
            (r#"{"bucket":"lake","key":"stage/a/../x"}"#, "no zone"),
            (r#"{"bucket":"lake","key":"stage/x","team":"other"}"#, "take nothing"),
        ] {
            let told = read_for(&[stage_key("orders")], body);
            assert!(told.passed.is_empty() && told.not_understood.len() == 1, "{body}");
            assert!(told.not_understood[0].reason.contains(reason), "{body}: {}", told.not_understood[0].reason);
        }
    }
}
