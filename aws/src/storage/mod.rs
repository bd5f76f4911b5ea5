//! The lake's files when its zones are prefixes on S3.

mod promote;
mod requests;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    config::Builder,
    primitives::ByteStream,
    types::{Delete, ObjectIdentifier},
};
use futures::{StreamExt as _, stream};
use lakegate_coordinator::ports::{Promotion, Result, Storage};
use lakegate_model::{Failure, FailureCode, Location, ObjectVersion, layout::INTERNAL, pipeline::Zone, project::Zones};

use self::{
    promote::Sizes,
    requests::{failure, stat},
};
use crate::account::Account;

/// Files that are moved at a time.
const MOVES: usize = 16;

/// Zones that are prefixes on S3.
#[derive(Clone, Debug)]
pub struct S3Storage {
    client: Client,
    zones: Zones,
    sizes: Sizes,
    /// Buckets that were there when something in them was not.
    known: Arc<Mutex<HashSet<String>>>,
}

impl S3Storage {
    /// Takes where each zone lies. The buckets must exist before anything is written.
    pub fn new(account: &Account, zones: Zones) -> S3Storage {
        // An emulator has no host name for each bucket.
        let config = Builder::from(&account.config).force_path_style(account.config.endpoint_url().is_some());
        S3Storage { client: Client::from_conf(config.build()), zones, sizes: Sizes::default(), known: Arc::default() }
    }

    /// Copies files larger than `whole` bytes in parts of at least `part` bytes: S3 takes no parts
    /// below 5 MiB but the last.
    #[must_use]
    pub fn copying(mut self, whole: u64, part: u64) -> S3Storage {
        self.sizes = Sizes { whole, part };
        self
    }

    /// Whether a bucket is there, asked once: an answer to HEAD does not tell a bucket that is not there
    /// from an object that is not.
    async fn expect_bucket(&self, at: &Location) -> Result<()> {
        let (bucket, _) = requests::place(at)?;
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known().contains(bucket) {
            return Ok(());
        }
        match self.client.head_bucket().bucket(bucket).send().await {
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {
                let message = format!("could not look at {at}: there is no bucket {bucket}");
                return Err(Failure::new(FailureCode::LakeIo, message).hint(requests::NO_BUCKET));
            }
            // What may not be asked is not known to be missing.
            Ok(_) | Err(_) => {}
        }
        known().insert(bucket.to_owned());
        Ok(())
    }

    /// Lists and deletes page by page, so that memory stays flat.
    async fn delete_below(&self, below: &Location, bucket: &str, prefix: &str) -> Result<()> {
        let mut pages = self.client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(&format!("list {below}"), &error))?;
            let keys: Vec<&str> = page.contents().iter().filter_map(|object| object.key()).collect();
            self.delete(below, bucket, &keys).await?;
        }
        Ok(())
    }

    /// Deletes what one page lists: a thousand keys at most, as many as can be deleted at once.
    async fn delete(&self, below: &Location, bucket: &str, keys: &[&str]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let wrong = |error| Failure::new(FailureCode::Internal, format!("a request to delete below {below} is not complete: {error}"));
        let key = |key: &&str| ObjectIdentifier::builder().key(*key).build().map_err(wrong);
        let objects = keys.iter().map(key).collect::<Result<Vec<_>>>()?;
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(wrong)?;
        let request = self.client.delete_objects().bucket(bucket).delete(delete);
        let output = request.send().await.map_err(|error| failure(&format!("delete below {below}"), &error))?;
        match output.errors().first() {
            None => Ok(()),
            Some(error) => Err(requests::refused_delete(bucket, error, output.errors().len())),
        }
    }
}

#[async_trait]
impl Storage for S3Storage {
    async fn head(&self, zone: Zone, key: &str) -> Result<Option<ObjectVersion>> {
        if key.is_empty() {
            return Ok(None);
        }
        let at = self.zones.location(zone).join(key);
        let Some(found) = stat(&self.client, &at).await? else {
            return self.expect_bucket(&at).await.map(|()| None);
        };
        let version = requests::version(&at, found.version_id(), found.e_tag())?;
        let size = requests::size(&found);
        Ok(Some(ObjectVersion { bucket: self.zones.bucket(zone).to_owned(), key: key.to_owned(), version, sequencer: None, size }))
    }

    async fn write(&self, at: &Location, bytes: Vec<u8>) -> Result<()> {
        let (bucket, key) = requests::place(at)?;
        let request = self.client.put_object().bucket(bucket).key(key).body(ByteStream::from(bytes));
        request.send().await.map(drop).map_err(|error| failure(&format!("write {at}"), &error))
    }

    async fn read(&self, at: &Location) -> Result<Option<Vec<u8>>> {
        let (bucket, key) = requests::place(at)?;
        match self.client.get_object().bucket(bucket).key(key).send().await {
            Ok(found) => {
                let broken = |error| Failure::new(FailureCode::LakeIo, format!("could not read {at} to its end: {error}"));
                Ok(Some(found.body.collect().await.map_err(broken)?.to_vec()))
            }
            Err(error) if error.as_service_error().is_some_and(|service| service.is_no_such_key()) => Ok(None),
            Err(error) => Err(failure(&format!("read {at}"), &error)),
        }
    }

    async fn list(&self, below: &Location, after: &str, limit: usize) -> Result<Vec<String>> {
        let (bucket, key) = requests::place(below)?;
        let prefix = format!("{key}/");
        let request = self.client.list_objects_v2().bucket(bucket).prefix(&prefix).delimiter("/").start_after(format!("{prefix}{after}"));
        let mut pages = request.max_keys(i32::try_from(limit).unwrap_or(i32::MAX)).into_paginator().send();
        let mut names = Vec::new();
        while names.len() < limit
            && let Some(page) = pages.next().await
        {
            let page = page.map_err(|error| failure(&format!("list {below}"), &error))?;
            let found = page.contents().iter().filter_map(|object| object.key()?.strip_prefix(&prefix));
            names.extend(found.filter(|name| !name.is_empty()).map(str::to_owned));
        }
        names.truncate(limit);
        Ok(names)
    }

    async fn promote(&self, moves: Vec<Promotion>) -> Result<Vec<String>> {
        let moves = moves.into_iter().map(|promotion| promote::promote(&self.client, self.sizes, promotion));
        // All are tried, though some fail: one that is cut off in the middle would have to be done again.
        let moved: Vec<Result<String>> = stream::iter(moves).buffered(MOVES).collect().await;
        moved.into_iter().collect()
    }

    async fn discard(&self, below: &Location) -> Result<()> {
        refuse_foreign(&self.zones, below)?;
        let (bucket, key) = requests::place(below)?;
        self.delete_below(below, bucket, &format!("{key}/")).await
    }
}

/// Only what is below a zone's internal folder may be deleted.
fn refuse_foreign(zones: &Zones, place: &Location) -> Result<()> {
    let is_internal = |zone: &Zone| {
        let below = place.below(zones.location(*zone)).and_then(|below| below.strip_prefix(INTERNAL));
        below.and_then(|below| below.strip_prefix('/')).is_some_and(|below| !below.is_empty())
    };
    if Zone::ALL.iter().any(is_internal) {
        return Ok(());
    }
    let message = format!("{place} is not deleted: it is not below the {INTERNAL} folder of a zone");
    Err(Failure::new(FailureCode::InvalidRequest, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_an_internal_folder_may_be_deleted() {
        let at = |zone: &str| Location::new(format!("s3://lake/{zone}"));
        let zones = Zones { raw: at("raw"), stage: at("stage"), analytics: Location::new("s3://tables") };
        for place in ["s3://lake/stage/_lakegate/staging/ex-1", "s3://tables/_lakegate/x"] {
            assert!(refuse_foreign(&zones, &Location::new(place)).is_ok(), "{place}");
        }
        for place in [
            "s3://lake",
            "s3://lake/stage",
            "s3://lake/stage/_lakegate",
            "s3://lake/stage/_lakegate/",
            "s3://lake/stage/_lakegates/x",
            "s3://lake/stage/nyc/_lakegate/x",
            "s3://lake/_lakegate/x",
            "s3://other/_lakegate/x",
            "file:///lake/_lakegate/x",
        ] {
            let failure = refuse_foreign(&zones, &Location::new(place)).unwrap_err();
            assert_eq!(failure.code, FailureCode::InvalidRequest, "{place}");
        }
    }
}
