//! Who is told how runs end: topics of SNS and buses of EventBridge. One given by its ARN is somebody
//! else's, and is left alone.

use std::collections::BTreeSet;

use aws_sdk_eventbridge as eventbridge;
use aws_sdk_sns as sns;
use lakegate_coordinator::ports::Result;
use lakegate_model::{FailureCode, Pipeline, destination::Destination, pipeline::Stage, project::Settings};

use super::{Outcome, Step, TAG};
use crate::{Account, failure::failed, messenger::topics};

/// The bus that every account has.
const DEFAULT_BUS: &str = "default";

/// All who are told by stages or teams, each once.
pub(super) fn destinations<'a>(settings: &'a Settings, pipelines: &'a [Pipeline]) -> BTreeSet<&'a Destination> {
    let stages = pipelines.iter().flat_map(|pipeline| &pipeline.stages).flat_map(Stage::notices);
    stages.chain(settings.teams.values().flatten()).map(|notify| &notify.to).collect()
}

/// Makes a topic or a bus that is missing; nothing for others.
pub(super) async fn ensure(account: &Account, to: &Destination, dry_run: bool) -> Result<Option<Step>> {
    let (kind, name, present) = match to {
        Destination::Topic(name) if !name.starts_with("arn:") => ("topic", name, topic(account, name, dry_run).await?),
        Destination::Bus(name) if !name.starts_with("arn:") && name != DEFAULT_BUS => ("bus", name, bus(account, name, dry_run).await?),
        _ => return Ok(None),
    };
    Ok(Some(Step { kind, name: name.clone(), outcome: Outcome::of(present, dry_run) }))
}

async fn topic(account: &Account, name: &str, dry_run: bool) -> Result<bool> {
    let client = sns::Client::new(&account.config);
    let present = topics::find(&client, name).await?.is_some();
    if !(present || dry_run) {
        let what = |error| failed(FailureCode::Unavailable, &format!("make the topic {name}"), &error);
        let incomplete = |error| lakegate_model::Failure::new(FailureCode::Internal, format!("a tag is not complete: {error}"));
        let tag = sns::types::Tag::builder().key(TAG.0).value(TAG.1).build().map_err(incomplete)?;
        let mut request = client.create_topic().name(name).tags(tag);
        if name.ends_with(".fifo") {
            request = request.attributes("FifoTopic", "true");
        }
        request.send().await.map_err(what)?;
    }
    Ok(present)
}

async fn bus(account: &Account, name: &str, dry_run: bool) -> Result<bool> {
    let client = eventbridge::Client::new(&account.config);
    let present = match client.describe_event_bus().name(name).send().await {
        Ok(_) => true,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => false,
        Err(error) => return Err(failed(FailureCode::Unavailable, &format!("find the event bus {name}"), &error)),
    };
    if !(present || dry_run) {
        let what = |error| failed(FailureCode::Unavailable, &format!("make the event bus {name}"), &error);
        let incomplete = |error| lakegate_model::Failure::new(FailureCode::Internal, format!("a tag is not complete: {error}"));
        let tag = eventbridge::types::Tag::builder().key(TAG.0).value(TAG.1).build().map_err(incomplete)?;
        client.create_event_bus().name(name).tags(tag).send().await.map_err(what)?;
    }
    Ok(present)
}
