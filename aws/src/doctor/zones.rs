//! The zones: what may be done with objects there, and whether the raw one tells of what lands.

use std::hash::{BuildHasher as _, RandomState};

use aws_sdk_s3::{Client, config::Builder, primitives::ByteStream};
use lakegate_model::{layout::INTERNAL, pipeline::Zone, project::Zones};

use super::{Examined, Finding, For, Verdict};
use crate::Account;

/// A finding for the zone, or one for each thing that can't be done there.
pub(super) async fn examine(account: &Account, zones: &Zones, zone: Zone) -> Vec<Finding> {
    let place = zones.location(zone);
    let Some((bucket, prefix)) = place.s3() else { return Vec::new() };
    let mut examined = Examined::new(format!("zone {}", zone.as_str()), place.to_string());
    let client = client(account);
    let below = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}/{key}") };
    // Nobody has it, and nobody else who looks at the same time makes it.
    let key = below(&format!("{INTERNAL}/doctor/{:016x}", RandomState::new().hash_one(bucket)));
    let (bucket_arn, object_arn) = (format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/{}", below("*")));

    let list = client.list_objects_v2().bucket(bucket).prefix(below(&format!("{INTERNAL}/doctor/"))).max_keys(1).send().await;
    if list.as_ref().err().and_then(|error| error.as_service_error()).is_some_and(|error| error.is_no_such_bucket()) {
        examined.add(
            Verdict::Problem,
            format!("there is no bucket {bucket}"),
            "`lakegate bootstrap` makes it; or correct `zones` in lakegate.yaml",
        );
        return examined.done("");
    }
    examined.tried(For::Running, ("s3:ListBucket", &bucket_arn), &[], list);
    if zone == Zone::Raw {
        // Nothing is written here: the bucket would tell the coordinator of it.
        let get = client.get_object().bucket(bucket).key(&key).send().await;
        examined.tried(For::Running, ("s3:GetObject", &object_arn), &["NoSuchKey"], get);
        return examined.done("");
    }
    let put = client.put_object().bucket(bucket).key(&key).body(ByteStream::from_static(b"written by lakegate doctor")).send().await;
    let is_there = examined.tried(For::Running, ("s3:PutObject", &object_arn), &[], put).is_some();
    let get = client.get_object().bucket(bucket).key(&key).send().await;
    examined.tried(For::Running, ("s3:GetObject", &object_arn), &["NoSuchKey"], get);
    // S3 deletes what is not there as well, if it may.
    let delete = client.delete_object().bucket(bucket).key(&key).send().await;
    let internal = format!("arn:aws:s3:::{bucket}/{}", below(&format!("{INTERNAL}/*")));
    let is_gone = examined.tried(For::Running, ("s3:DeleteObject", &internal), &[], delete).is_some();
    if is_there && !is_gone {
        examined.add(Verdict::Warning, format!("s3://{bucket}/{key} was written and is left behind"), "delete it; it is in nobody's way");
    }
    examined.done("")
}

/// A client that reaches buckets where an emulator has no host name for each.
pub(super) fn client(account: &Account) -> Client {
    Client::from_conf(Builder::from(&account.config).force_path_style(account.config.endpoint_url().is_some()).build())
}
