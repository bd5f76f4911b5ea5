//! The zones' buckets, and what the raw one tells its queue.

use aws_sdk_s3::{
    Client,
    types::{
        BucketLocationConstraint, CreateBucketConfiguration, Event, FilterRule, FilterRuleName, NotificationConfiguration,
        NotificationConfigurationFilter, PublicAccessBlockConfiguration, QueueConfiguration, S3KeyFilter, Tag, Tagging,
    },
};
use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode};

use super::{Outcome, Step, TAG, notifications, queues};
use crate::{Account, failure::failed};

/// The region in which a bucket is made without naming one.
const UNNAMED_REGION: &str = "us-east-1";

/// The bucket, private and tagged if it is made here.
pub(super) async fn ensure(account: &Account, bucket: &str, dry_run: bool) -> Result<Step> {
    let client = Client::new(&account.config);
    let present = match client.head_bucket().bucket(bucket).send().await {
        Ok(_) => true,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => false,
        Err(error) => return Err(failed(FailureCode::LakeIo, &format!("look at the bucket {bucket}"), &error)),
    };
    if !(present || dry_run) {
        create(&client, account, bucket).await?;
    }
    Ok(Step { kind: "bucket", name: bucket.to_owned(), outcome: Outcome::of(present, dry_run) })
}

async fn create(client: &Client, account: &Account, bucket: &str) -> Result<()> {
    let what = format!("make the bucket {bucket}");
    let region = account.config.region().map(ToString::to_string).filter(|region| region != UNNAMED_REGION);
    let place = region
        .map(|region| CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region.as_str())).build());
    let created = client.create_bucket().bucket(bucket).set_create_bucket_configuration(place).send().await;
    created.map_err(|error| failed(FailureCode::LakeIo, &what, &error))?;
    let private = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true)
        .build();
    let closed = client.put_public_access_block().bucket(bucket).public_access_block_configuration(private).send().await;
    closed.map_err(|error| failed(FailureCode::LakeIo, &what, &error))?;
    let tag = Tag::builder().key(TAG.0).value(TAG.1).build().map_err(|error| internal(&what, &error))?;
    let tags = Tagging::builder().tag_set(tag).build().map_err(|error| internal(&what, &error))?;
    let tagged = client.put_bucket_tagging().bucket(bucket).tagging(tags).send().await;
    tagged.map_err(|error| failed(FailureCode::LakeIo, &what, &error)).map(drop)
}

fn internal(what: &str, error: &impl std::fmt::Display) -> Failure {
    Failure::new(FailureCode::Internal, format!("could not {what}: {error}"))
}

/// The bucket tells the queue of what is created and removed below the prefix. What it tells others is kept.
pub(super) async fn ensure_notification(account: &Account, bucket: &str, prefix: &str, queue: &str, dry_run: bool) -> Result<Step> {
    let client = Client::new(&account.config);
    let name = format!("{bucket} → {queue}");
    let id = format!("lakegate-{}", queue.rsplit('/').next().unwrap_or(queue));
    let told = match notifications::of_bucket(&client, bucket).await {
        Ok(told) => told,
        // The bucket is only to be made, and with it what it tells.
        Err(error) if dry_run && error.as_service_error().is_some() => {
            return Ok(Step { kind: "notification", name, outcome: Outcome::Missing });
        }
        Err(error) => return Err(failed(FailureCode::LakeIo, &format!("read the notifications of {bucket}"), &error)),
    };
    let present = told.queue_configurations().iter().any(|one| one.id() == Some(id.as_str()));
    if present || dry_run {
        return Ok(Step { kind: "notification", name, outcome: Outcome::of(present, dry_run) });
    }
    let arn = queues::arn_of(&aws_sdk_sqs::Client::new(&account.config), queue).await?;
    let ours = QueueConfiguration::builder()
        .id(id)
        .queue_arn(arn)
        .events(Event::S3ObjectCreated)
        .events(Event::S3ObjectRemoved)
        .set_filter(filter(prefix))
        .build()
        .map_err(|error| internal("describe a notification", &error))?;
    let all = NotificationConfiguration::builder()
        .set_queue_configurations(Some([told.queue_configurations(), &[ours]].concat()))
        .set_topic_configurations(told.topic_configurations)
        .set_lambda_function_configurations(told.lambda_function_configurations)
        .set_event_bridge_configuration(told.event_bridge_configuration)
        .build();
    let put = client.put_bucket_notification_configuration().bucket(bucket).notification_configuration(all).send().await;
    put.map_err(|error| failed(FailureCode::LakeIo, &format!("let {bucket} notify {queue}"), &error))?;
    Ok(Step { kind: "notification", name, outcome: Outcome::Made })
}

fn filter(prefix: &str) -> Option<NotificationConfigurationFilter> {
    if prefix.is_empty() {
        return None;
    }
    let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(format!("{prefix}/")).build();
    Some(NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(rule).build()).build())
}
