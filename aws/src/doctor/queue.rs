//! The queue of events: its settings, what may be done with its messages, and whether the raw bucket
//! tells it what lands. Nothing is received.

use aws_sdk_s3::types::{Event, QueueConfiguration};
use aws_sdk_sqs::{Client, types::QueueAttributeName};
use lakegate_model::Location;

use super::{Examined, Finding, For, Verdict, zones};
use crate::{Account, bootstrap::notifications, queue::client_of};

/// Seconds below which a message is shown to others before a slow request could extend its lease.
const SHORT_LEASE: u32 = 20;
/// Seconds below which a coordinator that is away over a long weekend would lose messages: SQS's default.
const SHORT_RETENTION: u32 = 4 * 24 * 60 * 60;
/// A handle that no message has.
const NO_HANDLE: &str = "lakegate-doctor";

/// Findings about a queue, by its name or its URL, of objects in `raw`.
pub(super) async fn examine(account: &Account, queue: &str, raw: &Location) -> Vec<Finding> {
    let mut examined = Examined::new("events", format!("sqs://{}", queue.rsplit('/').next().unwrap_or(queue)));
    let client = client_of(account, queue);
    let resource = format!("arn:aws:sqs:*:*:{}", queue.rsplit('/').next().unwrap_or(queue));
    let Some(url) = url(&mut examined, &client, queue, &resource).await else { return examined.done("") };
    if let Some(arn) = settings(&mut examined, &client, &url, &resource).await {
        notified(&mut examined, account, raw, &arn).await;
    }
    let hide = client.change_message_visibility().queue_url(&url).receipt_handle(NO_HANDLE).visibility_timeout(0).send().await;
    let unknown = ["ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight", "InvalidAddress"];
    examined.tried(For::Running, ("sqs:ChangeMessageVisibility", &resource), &unknown, hide);
    let delete = client.delete_message().queue_url(&url).receipt_handle(NO_HANDLE).send().await;
    examined.tried(For::Running, ("sqs:DeleteMessage", &resource), &unknown, delete);
    examined.done("")
}

async fn url(examined: &mut Examined, client: &Client, queue: &str, resource: &str) -> Option<String> {
    if queue.contains("://") {
        return Some(queue.to_owned());
    }
    let found = client.get_queue_url().queue_name(queue).send().await;
    if found.as_ref().err().and_then(|error| error.as_service_error()).is_some_and(|error| error.is_queue_does_not_exist()) {
        absent(examined, queue);
        return None;
    }
    examined.tried(For::Running, ("sqs:GetQueueUrl", resource), &[], found)?.queue_url
}

fn absent(examined: &mut Examined, queue: &str) {
    let found = format!("there is no queue {queue} in this account and region, or it may not be seen (sqs:GetQueueUrl)");
    examined.add(Verdict::Problem, found, "`lakegate bootstrap` makes it; or correct `events` in lakegate.yaml, or the region");
}

/// Looks at its settings; answers its ARN.
async fn settings(examined: &mut Examined, client: &Client, url: &str, resource: &str) -> Option<String> {
    let found = client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All).send().await;
    if found.as_ref().err().and_then(|error| error.as_service_error()).is_some_and(|error| error.is_queue_does_not_exist()) {
        absent(examined, url);
        return None;
    }
    let attributes = examined.tried(For::Running, ("sqs:GetQueueAttributes", resource), &[], found)?.attributes.unwrap_or_default();
    let number = |name| attributes.get(&name).and_then(|text| text.parse::<u32>().ok());
    if let Some(lease) = number(QueueAttributeName::VisibilityTimeout).filter(|lease| *lease < SHORT_LEASE) {
        let found = format!("a message is hidden for only {lease} s when it is received");
        examined.add(
            Verdict::Warning,
            found,
            "set the queue's VisibilityTimeout to 60 seconds; a coordinator extends it while it needs longer",
        );
    }
    if let Some(kept) = number(QueueAttributeName::MessageRetentionPeriod).filter(|kept| *kept < SHORT_RETENTION) {
        let found = format!("messages are kept for only {kept} s: what lands while no coordinator runs for that long is missed");
        examined.add(Verdict::Warning, found, "set the queue's MessageRetentionPeriod to 1209600, which is 14 days");
    }
    if attributes.get(&QueueAttributeName::RedrivePolicy).is_none_or(|policy| !policy.contains("deadLetterTargetArn")) {
        let found = "it has no redrive policy: a message that brings a coordinator down does so for ever";
        examined.add(Verdict::Warning, found, "`lakegate bootstrap` adds one with a queue for dead letters; or set RedrivePolicy");
    }
    attributes.get(&QueueAttributeName::QueueArn).cloned()
}

/// Looks whether the raw bucket tells the queue, or somebody who may pass it on.
async fn notified(examined: &mut Examined, account: &Account, raw: &Location, arn: &str) {
    let Some((bucket, prefix)) = raw.s3() else { return };
    let told = notifications::of_bucket(&zones::client(account), bucket).await;
    let resource = format!("arn:aws:s3:::{bucket}");
    let Some(told) = examined.tried(For::Looking, ("s3:GetBucketNotification", &resource), &[], told) else { return };
    let ours: Vec<&QueueConfiguration> = told.queue_configurations().iter().filter(|one| one.queue_arn() == arn).collect();
    if ours.iter().any(|one| of_creation(one) && covers(one, prefix)) {
        return;
    }
    let fix = "`lakegate bootstrap` lets it; or add a notification for s3:ObjectCreated:* and s3:ObjectRemoved:* yourself";
    if !ours.is_empty() {
        examined.add(Verdict::Problem, format!("{bucket} tells the queue, but not of all that is created below \"{prefix}\""), fix);
    } else if told.topic_configurations().is_empty() && told.event_bridge_configuration().is_none() {
        examined.add(Verdict::Problem, format!("{bucket} does not tell the queue of what lands"), fix);
    } else {
        let found = format!("{bucket} does not tell the queue itself, but SNS or EventBridge, which may pass it on");
        examined.add(Verdict::Warning, found, format!("see that what they are told is sent to {arn}"));
    }
}

fn of_creation(told: &QueueConfiguration) -> bool {
    told.events().contains(&Event::S3ObjectCreated)
}

/// Whether all keys below the prefix pass its filter.
fn covers(told: &QueueConfiguration, prefix: &str) -> bool {
    let rules = told.filter().and_then(|filter| filter.key()).map(|key| key.filter_rules()).unwrap_or_default();
    let below = format!("{prefix}/");
    rules.iter().all(|rule| {
        let value = rule.value().unwrap_or_default();
        let is_prefix = rule.name().is_some_and(|name| name.as_str().eq_ignore_ascii_case("prefix"));
        value.is_empty() || (is_prefix && !prefix.is_empty() && below.starts_with(value))
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{FilterRule, FilterRuleName, NotificationConfigurationFilter, S3KeyFilter};

    use super::*;

    #[test]
    fn a_notification_covers_a_zone_if_all_its_keys_pass_the_filter() {
        let told = |rules: &[(FilterRuleName, &str)]| {
            let rules = rules.iter().map(|(name, value)| FilterRule::builder().name(name.clone()).value(*value).build()).collect();
            let key = S3KeyFilter::builder().set_filter_rules(Some(rules)).build();
            let filter = NotificationConfigurationFilter::builder().key(key).build();
            QueueConfiguration::builder().queue_arn("q").events(Event::S3ObjectCreated).filter(filter).build().unwrap()
        };
        let prefix = |value| told(&[(FilterRuleName::Prefix, value)]);
        for (told, zone, expected) in [
            (told(&[]), "raw", true),
            (prefix("raw/"), "raw", true),
            (prefix("ra"), "raw", true),
            (prefix(""), "", true),
            (prefix("raw/nyc/"), "raw", false),
            (prefix("raw/"), "", false),
            (prefix("other/"), "raw", false),
            (told(&[(FilterRuleName::Prefix, "raw/"), (FilterRuleName::Suffix, ".csv")]), "raw", false),
        ] {
            assert_eq!(covers(&told, zone), expected, "{told:?} {zone}");
        }
    }
}
