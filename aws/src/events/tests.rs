//! Messages as AWS documents them, and what they say.

use lakegate_model::Location;
use serde_json::json;

use super::*;

fn zones() -> Zones {
    let at = |uri: &str| Location::new(uri);
    Zones { raw: at("s3://landing"), stage: at("s3://lake/stage"), analytics: at("s3://lake/analytics") }
}

const TIME: &str = "2026-01-31T08:00:00.123Z";
const MILLIS: Timestamp = Timestamp(1_769_846_400_123);

/// A record as S3 writes it: Amazon S3 User Guide, "Event message structure", version 2.2.
fn record(name: &str, bucket: &str, object: &Value) -> Value {
    json!({
        "eventVersion": "2.2",
        "eventSource": "aws:s3",
        "awsRegion": "us-west-2",
        "eventTime": TIME,
        "eventName": name,
        "userIdentity": { "principalId": "AIDAJDPLRKLG7UEXAMPLE" },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S" },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "testConfigRule",
            "bucket": { "name": bucket, "ownerIdentity": { "principalId": "A3NL1KOZZKExample" }, "arn": format!("arn:aws:s3:::{bucket}") },
            "object": object,
        },
    })
}

fn put(key: &str) -> Value {
    let object = json!({ "key": key, "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "0055AED6DCD90281E5" });
    record("ObjectCreated:Put", "landing", &object)
}

fn notification(records: &[Value]) -> String {
    json!({ "Records": records }).to_string()
}

/// Amazon SNS Developer Guide, "Parsing Amazon SNS message formats".
fn in_sns(message: &str) -> String {
    json!({
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic",
        "Subject": "Amazon S3 Notification",
        "Message": message,
        "Timestamp": "2012-05-02T00:54:06.655Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLEw6JRN",
        "SigningCertURL": "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem",
        "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe",
    })
    .to_string()
}

/// Amazon S3 User Guide, "EventBridge event message structure".
fn bridge(kind: &str, object: &Value, reason: &str) -> Value {
    json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-01-31T08:00:00Z",
        "region": "ca-central-1",
        "resources": ["arn:aws:s3:::landing"],
        "detail": {
            "version": "0",
            "bucket": { "name": "landing" },
            "object": object,
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "1.2.3.4",
            "reason": reason,
        },
    })
}

fn object(bucket: &str, key: &str, version: &str, sequencer: Option<&str>, size: u64) -> ObjectVersion {
    ObjectVersion { bucket: bucket.into(), key: key.into(), version: version.into(), sequencer: sequencer.map(str::to_owned), size }
}

fn events(body: &str) -> Vec<ObjectEvent> {
    let told = read(&zones(), body);
    assert_eq!(told.not_understood, [], "{body}");
    told.events
}

fn reasons(body: &str) -> Vec<String> {
    read(&zones(), body).not_understood.into_iter().map(|part| part.reason).collect()
}

const ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";
const SEQUENCER: Option<&str> = Some("0055AED6DCD90281E5");

#[test]
fn a_put_is_a_new_object_with_its_key_as_plain_text() {
    let expected = |key: &str| vec![ObjectEvent::created(object("raw", key, ETAG, SEQUENCER, 1024), MILLIS)];
    for (encoded, key) in [("nyc/flights/a+b.csv", "nyc/flights/a b.csv"), ("nyc/%C3%BC%2B%25.csv", "nyc/ü+%.csv")] {
        let body = notification(&[put(encoded)]);
        assert_eq!(events(&body), expected(key));
        assert_eq!(events(&in_sns(&body)), expected(key), "in SNS");
    }
}

#[test]
fn every_way_in_which_objects_are_made_and_removed_is_known() {
    for (name, kind) in [
        ("ObjectCreated:Put", EventKind::Created),
        ("ObjectCreated:Post", EventKind::Created),
        ("ObjectCreated:Copy", EventKind::Created),
        ("ObjectCreated:CompleteMultipartUpload", EventKind::Created),
        ("s3:ObjectCreated:Put", EventKind::Created),
        ("ObjectRemoved:Delete", EventKind::Removed),
        ("ObjectRemoved:DeleteMarkerCreated", EventKind::Removed),
        ("LifecycleExpiration:Delete", EventKind::Removed),
        ("LifecycleExpiration:DeleteMarkerCreated", EventKind::Removed),
    ] {
        let body =
            notification(&[record(name, "landing", &json!({ "key": "a", "size": 3, "eTag": "e", "versionId": "v1", "sequencer": "1" }))]);
        let size = if kind == EventKind::Created { 3 } else { 0 };
        assert_eq!(events(&body), [ObjectEvent { kind, object: object("raw", "a", "v1", Some("1"), size), at: MILLIS }], "{name}");
    }
    for name in ["ObjectRestore:Completed", "ObjectTagging:Put", "ObjectAcl:Put", "LifecycleTransition", "IntelligentTiering"] {
        assert!(read(&zones(), &notification(&[record(name, "landing", &json!({ "key": "a" }))])).is_nothing(), "{name}");
    }
}

#[test]
fn a_version_is_the_version_id_or_the_etag_without_quotes() {
    for (versions, expected) in [
        (json!({ "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko", "eTag": "e" }), "096fKKXTRTtl3on89fVO.nfljtsv6qko"),
        (json!({ "versionId": "null", "eTag": "e" }), "e"),
        (json!({ "versionId": null, "eTag": "\"e-2\"" }), "e-2"),
        (json!({ "eTag": "e" }), "e"),
    ] {
        let mut object = json!({ "key": "a", "size": 0 });
        object.as_object_mut().unwrap().extend(versions.as_object().unwrap().clone());
        let events = events(&notification(&[record("ObjectCreated:Put", "landing", &object)]));
        assert_eq!((events[0].object.version.as_str(), events[0].object.sequencer.as_deref()), (expected, None));
    }
    // A removal from a bucket without versions has neither.
    let removed = events(&notification(&[record("ObjectRemoved:Delete", "landing", &json!({ "key": "a", "sequencer": "1" }))]));
    assert_eq!(removed, [ObjectEvent::removed(object("raw", "a", "", Some("1"), 0), MILLIS)]);
}

#[test]
fn keys_of_eventbridge_are_plain_text_already() {
    let made = json!({ "key": "nyc/a+b%20ü.csv", "size": 5, "etag": "b57f9512698f4b09e608f4f2a65852e5", "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "sequencer": "617f08299329d189" });
    let at = Timestamp(1_769_846_400_000);
    let expected = object("raw", "nyc/a+b%20ü.csv", "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", Some("617f08299329d189"), 5);
    let created = bridge("Object Created", &made, "PutObject");
    assert_eq!(events(&created.to_string()), [ObjectEvent::created(expected.clone(), at)]);
    assert_eq!(events(&in_sns(&created.to_string())), [ObjectEvent::created(expected.clone(), at)]);
    let deleted = json!({ "key": "a", "etag": "e", "sequencer": "2" });
    for reason in ["DeleteObject", "Lifecycle Expiration"] {
        let body = bridge("Object Deleted", &deleted, reason).to_string();
        assert_eq!(events(&body), [ObjectEvent::removed(object("raw", "a", "e", Some("2"), 0), at)]);
    }
    assert!(read(&zones(), &bridge("Object Tags Added", &made, "PutObjectTagging").to_string()).is_nothing());
}

#[test]
fn what_is_in_no_zone_or_internal_says_nothing() {
    let of = |bucket: &str, key: &str| record("ObjectCreated:Put", bucket, &json!({ "key": key, "size": 1, "eTag": "e" }));
    for (bucket, key) in [
        ("elsewhere", "a"),
        ("lake", "a"),
        ("lake", "stage"),
        ("lake", "stage/"),
        ("lake", "stages/a"),
        ("lake", "stage/_lakegate/staging/a"),
        ("landing", "_lakegate%2Fa"),
    ] {
        assert!(read(&zones(), &notification(&[of(bucket, key)])).is_nothing(), "{bucket} {key}");
    }
    let told = events(&notification(&[of("lake", "analytics/nyc/a"), of("lake", "stage/nyc/_lakegate.csv")]));
    let places: Vec<_> = told.iter().map(|event| (event.object.bucket.as_str(), event.object.key.as_str())).collect();
    assert_eq!(places, [("analytics", "nyc/a"), ("stage", "nyc/_lakegate.csv")]);
}

#[test]
fn test_events_and_empty_notifications_say_nothing() {
    let test = json!({
        "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2014-10-13T15:57:02.089Z", "Bucket": "landing",
        "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
    })
    .to_string();
    for body in [test.clone(), in_sns(&test), notification(&[])] {
        assert!(read(&zones(), &body).is_nothing(), "{body}");
    }
}

#[test]
fn all_records_of_a_message_are_told() {
    let records: Vec<Value> = (0..10).map(|n| put(&format!("nyc/{n}.csv"))).collect();
    let keys: Vec<String> = events(&notification(&records)).into_iter().map(|event| event.object.key).collect();
    assert_eq!(keys, (0..10).map(|n| format!("nyc/{n}.csv")).collect::<Vec<_>>());
    // The ledger knows what it is told again.
    assert_eq!(events(&notification(&[put("a"), put("a")])).len(), 2);
}

#[test]
fn events_of_one_key_are_told_in_the_order_of_their_sequencers() {
    let of = |key: &str, sequencer: &str| {
        record("ObjectCreated:Put", "landing", &json!({ "key": key, "size": 1, "eTag": sequencer, "sequencer": sequencer }))
    };
    let told = events(&notification(&[of("a", "03"), of("b", "02"), of("a", "01")]));
    let versions: Vec<_> = told.iter().map(|event| event.object.version.as_str()).collect();
    assert_eq!(versions, ["01", "02", "03"]);
}

#[test]
fn a_bad_record_is_set_aside_alone() {
    let mut strange = put("strange");
    strange["eventName"] = json!("ObjectTeleported:Beam");
    let nameless = record("ObjectCreated:Put", "landing", &json!({ "size": 1 }));
    let body = notification(&[put("a"), strange.clone(), put("100%25.csv"), put("100%.csv"), nameless, put("b")]);
    let told = read(&zones(), &body);
    let keys: Vec<_> = told.events.iter().map(|event| event.object.key.as_str()).collect();
    assert_eq!(keys, ["a", "100%.csv", "b"]);
    assert_eq!(told.not_understood.len(), 3);
    assert_eq!(told.not_understood[0].body, strange.to_string());
    for (part, expected) in
        told.not_understood.iter().zip(["ObjectTeleported:Beam", "`100%.csv` is not url-encoded", "missing field `key`"])
    {
        assert!(part.reason.contains(expected), "{}", part.reason);
    }
}

#[test]
fn what_is_not_understood_says_why() {
    let of = |object: &Value| notification(&[record("ObjectCreated:Put", "landing", object)]);
    let mut undated = put("a");
    undated["eventTime"] = json!("yesterday");
    let mut foreign = put("a");
    foreign["eventSource"] = json!("aws:codecommit");
    let ec2 = json!({ "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "time": TIME, "detail": {} });
    let confirmation =
        json!({ "Type": "SubscriptionConfirmation", "TopicArn": "arn:aws:sns:us-west-2:1:t", "Message": "You have chosen…" });
    for (body, expected) in [
        (String::new(), "it is no JSON"),
        ("hello".to_owned(), "it is no JSON"),
        ("[]".to_owned(), "neither a notification of S3"),
        (json!({ "order": 7 }).to_string(), "neither a notification of S3"),
        (json!({ "Records": 7 }).to_string(), "`Records` is not a list"),
        (notification(&[json!(7)]), "it is no record of S3"),
        (in_sns("hello"), "inside an SNS notification: it is no JSON"),
        (confirmation.to_string(), "`SubscriptionConfirmation`"),
        (of(&json!({ "key": "a", "size": 1 })), "neither a version id nor an etag"),
        (of(&json!({ "key": "a", "eTag": "e" })), "it has no size"),
        (of(&json!({ "key": "a", "eTag": "e", "size": -1 })), "it is no record of S3"),
        (notification(&[undated]), "`yesterday`"),
        (notification(&[foreign]), "`aws:codecommit`"),
        (ec2.to_string(), "`aws.ec2`"),
        (bridge("Object Teleported", &json!({ "key": "a" }), "").to_string(), "`Object Teleported`"),
        (bridge("Object Created", &json!({ "size": 1 }), "").to_string(), "its detail is not what S3 sends: missing field `key`"),
    ] {
        let reasons = reasons(&body);
        assert!(reasons.len() == 1 && reasons[0].contains(expected), "{body}: {reasons:?}");
    }
    let whole = read(&zones(), &in_sns("hello"));
    assert_eq!(whole.not_understood[0].body, in_sns("hello"), "as it came");
}

/// A release reads what was set aside by the code of then, which may know more: whatever the envelope it came in, it is the
/// record or the event that is read, with the same answer.
#[test]
fn what_was_set_aside_is_read_again_whatever_it_came_in() {
    let mut strange = put("strange");
    strange["eventName"] = json!("ObjectTeleported:Beam");
    let nameless = record("ObjectCreated:Put", "landing", &json!({ "size": 1 }));
    let beamed = bridge("Object Teleported", &json!({ "key": "a", "size": 1, "etag": "e" }), "PutObject");
    let bodies = [
        notification(&[put("a"), strange.clone(), nameless, put("b")]),
        in_sns(&notification(&[strange.clone()])),
        strange.to_string(),
        in_sns(&strange.to_string()),
        beamed.to_string(),
        in_sns(&beamed.to_string()),
        in_sns("hello"),
        "hello".to_owned(),
    ];
    for body in bodies {
        let aside = read(&zones(), &body).not_understood;
        assert!(!aside.is_empty(), "{body}");
        for one in aside {
            let again = read(&zones(), &one.body);
            assert!(again.events.is_empty() && again.not_understood == [one], "{body}: {again:?}");
        }
    }
    let made = || vec![ObjectEvent::created(object("raw", "a b", ETAG, SEQUENCER, 1024), MILLIS)];
    for body in [put("a+b").to_string(), in_sns(&put("a+b").to_string()), in_sns(&notification(&[put("a+b")]))] {
        assert_eq!(events(&body), made(), "once it is understood: {body}");
    }
    let through_bridge =
        bridge("Object Created", &json!({ "key": "a b", "size": 1024, "etag": ETAG, "sequencer": SEQUENCER }), "PutObject");
    for body in [through_bridge.to_string(), in_sns(&through_bridge.to_string())] {
        assert_eq!(events(&body).into_iter().map(|event| event.object).collect::<Vec<_>>(), [made().remove(0).object], "{body}");
    }
}
