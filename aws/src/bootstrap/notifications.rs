//! What a bucket tells whom. Servers that speak S3's protocol and are not Amazon's may name the root of
//! the answer otherwise, which the SDK does not read; it is read here then, as far as it tells queues.

use aws_sdk_s3::{
    Client,
    config::http::HttpResponse,
    error::SdkError,
    operation::get_bucket_notification_configuration::{
        GetBucketNotificationConfigurationError as Refused, GetBucketNotificationConfigurationOutput as Told,
    },
    types::{Event, FilterRule, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter},
};

/// What a bucket tells whom.
pub(crate) async fn of_bucket(client: &Client, bucket: &str) -> Result<Told, SdkError<Refused, HttpResponse>> {
    match client.get_bucket_notification_configuration().bucket(bucket).send().await {
        Err(error) => {
            let raw = error.raw_response().filter(|raw| raw.status().is_success()).and_then(|raw| raw.body().bytes());
            let told = raw.and_then(|bytes| read(&String::from_utf8_lossy(bytes)));
            told.ok_or(error)
        }
        told => told,
    }
}

/// Reads an answer under any root; `None` if it tells others than queues, or can't be read.
fn read(xml: &str) -> Option<Told> {
    if ["<TopicConfiguration", "<CloudFunctionConfiguration", "<EventBridgeConfiguration"].iter().any(|other| xml.contains(other)) {
        return None;
    }
    let queues: Option<Vec<QueueConfiguration>> = elements(xml, "QueueConfiguration").map(queue).collect();
    Some(Told::builder().set_queue_configurations(queues.map(|queues| queues.into_iter().collect())).build())
}

fn queue(xml: &str) -> Option<QueueConfiguration> {
    let rule = |xml: &str| {
        let name = elements(xml, "Name").next()?.to_lowercase();
        Some(FilterRule::builder().name(name.as_str().into()).value(elements(xml, "Value").next()?).build())
    };
    let rules: Option<Vec<FilterRule>> = elements(xml, "FilterRule").map(rule).collect();
    let rules = rules?;
    let key = S3KeyFilter::builder().set_filter_rules((!rules.is_empty()).then_some(rules));
    let filter = xml.contains("<FilterRule>").then(|| NotificationConfigurationFilter::builder().key(key.build()).build());
    let events: Vec<Event> = elements(xml, "Event").map(Event::from).collect();
    QueueConfiguration::builder()
        .set_id(elements(xml, "Id").next().map(str::to_owned))
        .queue_arn(elements(xml, "Queue").next()?)
        .set_events(Some(events))
        .set_filter(filter)
        .build()
        .ok()
}

/// What stands in the elements of this name.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (inside, after) = after.split_once(&close)?;
        rest = after;
        Some(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_under_another_root_is_read() {
        let xml = "<Other><QueueConfiguration><Id>mine</Id><Queue>arn:q</Queue><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event>\
            <Filter><S3Key><FilterRule><Name>prefix</Name><Value>raw/</Value></FilterRule></S3Key></Filter></QueueConfiguration>\
            <QueueConfiguration><Id>all</Id><Queue>arn:p</Queue><Event>s3:ObjectCreated:Put</Event></QueueConfiguration></Other>";
        let told = read(xml).unwrap();
        let [mine, all] = told.queue_configurations() else { panic!("{told:?}") };
        assert_eq!((mine.id(), mine.queue_arn()), (Some("mine"), "arn:q"));
        assert_eq!(mine.events(), [Event::S3ObjectCreated, Event::S3ObjectRemoved]);
        assert_eq!(mine.filter().unwrap().key().unwrap().filter_rules()[0].value(), Some("raw/"));
        assert_eq!((all.filter(), all.events()), (None, &[Event::S3ObjectCreatedPut][..]));
        assert!(read("<Other/>").unwrap().queue_configurations().is_empty());
    }

    #[test]
    fn what_can_not_be_kept_is_not_read() {
        assert!(read("<Other><TopicConfiguration><Topic>arn:t</Topic></TopicConfiguration></Other>").is_none());
        assert!(read("<Other><EventBridgeConfiguration/></Other>").is_none());
    }
}
