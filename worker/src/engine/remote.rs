//! The lake on S3, through the object store that Polars uses: whole objects in and out, by version.
//!
//! Credentials, region and endpoint come from the standard `AWS_*` variables, a web identity, the
//! container's or the machine's role. Requests that fail in passing are tried again by the store.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Write},
    path::Path as FilePath,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
};

use futures::StreamExt as _;
use lakegate_model::{Failure, FailureCode, Location};
use lakegate_quality::data::FileEntry;
use object_store::{
    Attributes, Error, GetOptions, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutPayload,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use tokio::runtime::{Builder, Runtime};

use super::{
    failure,
    meter::{CountingConnector, Tally},
    scratch::ScratchFile,
    source::{changed, gone},
};

/// Bytes up to which an object is written with one request; above it in parts.
const ONE_REQUEST: u64 = 64 << 20;
/// Bytes of a part. S3 takes 10,000 of them: 640 GB.
const PART: usize = 64 << 20;

/// Objects that are listed at once at most.
const MOST_LISTED: usize = 100_000;

/// The way to S3: buckets this worker has reached, and for whom requests are counted.
#[derive(Default)]
pub(crate) struct Remote {
    reached: Arc<Reached>,
    tally: Tally,
}

#[derive(Default)]
struct Reached {
    runtime: OnceLock<Runtime>,
    buckets: Mutex<HashMap<String, Arc<AmazonS3>>>,
}

/// An object on S3 by bucket and key.
struct Place<'a> {
    store: Arc<AmazonS3>,
    path: Path,
    location: &'a Location,
}

impl Remote {
    /// The same way, with its requests counted here.
    pub(super) fn counted_on(&self, tally: Tally) -> Remote {
        Remote { reached: Arc::clone(&self.reached), tally }
    }

    /// The same way, counted as it is here.
    pub(super) fn shared(&self) -> Remote {
        self.counted_on(self.tally.clone())
    }

    /// The object at a place, or all objects below it, in the order of their keys.
    pub(super) fn list(&self, location: &Location) -> Result<Vec<FileEntry>, Failure> {
        let place = self.place(location)?;
        let Some((bucket, key)) = location.s3() else { return Ok(Vec::new()) };
        let entry = |object: ObjectMeta| FileEntry {
            location: format!("s3://{bucket}/{}", object.location),
            bytes: object.size,
            modified: object.last_modified.timestamp_micros(),
        };
        if !key.is_empty() {
            match self.wait(place.store.head(&place.path))? {
                Ok(object) => return Ok(vec![entry(object)]),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(place.failed("looking at", &error)),
            }
        }
        let mut listed = place.store.list((!key.is_empty()).then_some(&place.path));
        let mut found = Vec::new();
        while let Some(object) = self.wait(listed.next())? {
            let object = object.map_err(|error| place.not_listed(&error))?;
            // What tools make to show an empty folder is no file.
            if object.location == place.path && object.size == 0 {
                continue;
            }
            if found.len() == MOST_LISTED {
                return Err(Failure::new(
                    FailureCode::InvalidRequest,
                    format!("there are more than {MOST_LISTED} objects below {location}"),
                )
                .hint("name a longer prefix"));
            }
            found.push(entry(object));
        }
        found.sort_unstable_by(|left, right| left.location.cmp(&right.location));
        Ok(found)
    }

    /// The object's bytes; only if it is still this version, where one is given.
    pub(crate) fn read(&self, location: &Location, key: &str, version: Option<&str>) -> Result<Vec<u8>, Failure> {
        let place = self.place(location)?;
        let read = async {
            let found = place.get(version).await?;
            found.bytes().await
        };
        let bytes = self.wait(read)?.map_err(|error| place.read_failed(key, error))?;
        Ok(bytes.into())
    }

    /// The object's bytes in a scratch file; only if it is still this version, where one is given.
    pub(crate) fn fetch(
        &self,
        location: &Location,
        key: &str,
        version: Option<&str>,
        scratch: &FilePath,
    ) -> Result<(ScratchFile, File), Failure> {
        let place = self.place(location)?;
        let (kept, mut file) = ScratchFile::create(scratch)?;
        let mut stream = self.wait(place.get(version))?.map_err(|error| place.read_failed(key, error))?.into_stream();
        while let Some(chunk) = self.wait(stream.next())? {
            let chunk = chunk.map_err(|error| place.read_failed(key, error))?;
            file.write_all(&chunk).map_err(|error| failure::of_io(&error, "writing", &kept.path().to_string_lossy()))?;
        }
        std::io::Seek::rewind(&mut file).map_err(|error| failure::of_io(&error, "reading", &kept.path().to_string_lossy()))?;
        Ok((kept, file))
    }

    /// Writes an object whole, and gives its version.
    pub(super) fn write(&self, location: &Location, bytes: Vec<u8>) -> Result<String, Failure> {
        let place = self.place(location)?;
        let written = self.wait(place.store.put(&place.path, PutPayload::from(bytes)))?;
        let written = written.map_err(|error| place.write_failed(error))?;
        Ok(version_of(written.version, written.e_tag))
    }

    /// Writes a file as an object, and gives its version. Nobody sees less than all of it.
    pub(super) fn upload(&self, location: &Location, file: &mut impl Read, size: u64) -> Result<String, Failure> {
        let local = |error: std::io::Error| failure::of_io(&error, "reading", "a scratch file");
        if size <= ONE_REQUEST {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
            file.read_to_end(&mut bytes).map_err(local)?;
            return self.write(location, bytes);
        }
        let place = self.place(location)?;
        let options = PutMultipartOptions { attributes: Attributes::new(), ..PutMultipartOptions::default() };
        let begun = self.wait(place.store.put_multipart_opts(&place.path, options))?;
        let mut upload = begun.map_err(|error| place.write_failed(error))?;
        loop {
            let mut part = Vec::with_capacity(PART);
            file.by_ref().take(PART as u64).read_to_end(&mut part).map_err(local)?;
            if part.is_empty() {
                break;
            }
            if let Err(error) = self.wait(upload.put_part(part.into()))? {
                // Parts that can't be removed are removed by the bucket's rule for incomplete uploads.
                let _ = self.wait(upload.abort())?;
                return Err(place.write_failed(error));
            }
        }
        let written = self.wait(upload.complete())?.map_err(|error| place.write_failed(error))?;
        Ok(version_of(written.version, written.e_tag))
    }

    /// Deletes an object. What is not there is deleted.
    pub(super) fn delete(&self, location: &Location) -> Result<(), Failure> {
        let place = self.place(location)?;
        match self.wait(place.store.delete(&place.path))? {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(place.write_failed(error)),
        }
    }

    fn place<'a>(&self, location: &'a Location) -> Result<Place<'a>, Failure> {
        let wrong = |why: String| Failure::new(FailureCode::InvalidRequest, format!("{location} can't be reached by a worker: {why}"));
        let Some((bucket, key)) = location.s3() else {
            return Err(wrong("it is neither a folder nor on S3".to_owned()));
        };
        let path = Path::parse(key).map_err(|error| wrong(error.to_string()).hint("keys have no empty segments, `.` or `..`"))?;
        Ok(Place { store: self.bucket(bucket)?, path, location })
    }

    fn bucket(&self, bucket: &str) -> Result<Arc<AmazonS3>, Failure> {
        let mut buckets = self.reached.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = buckets.get(bucket) {
            return Ok(Arc::clone(store));
        }
        // An emulator speaks plain HTTP; the scheme of the endpoint that was set says so.
        let built = AmazonS3Builder::from_env().with_bucket_name(bucket).with_allow_http(true);
        let built = built.with_http_connector(CountingConnector::default()).build();
        let store = Arc::new(built.map_err(|error| {
            Failure::new(FailureCode::LakeIo, format!("bucket {bucket} can't be reached: {error}"))
                .hint("set AWS_REGION and credentials in the worker's environment, or give it a role")
        })?);
        buckets.insert(bucket.to_owned(), Arc::clone(&store));
        Ok(store)
    }

    /// Waits for a request. The caller may be a thread of another runtime, on which nothing may be
    /// waited for: so it is done on a thread of its own, which costs little beside a request.
    fn wait<T: Send>(&self, request: impl Future<Output = T> + Send) -> Result<T, Failure> {
        let runtime = self.runtime()?;
        let request = self.tally.clone().counting(request);
        let ended = thread::scope(|scope| scope.spawn(|| runtime.block_on(request)).join());
        ended.map_err(|_| Failure::new(FailureCode::Internal, "a request to S3 panicked"))
    }

    fn runtime(&self) -> Result<&Runtime, Failure> {
        if let Some(runtime) = self.reached.runtime.get() {
            return Ok(runtime);
        }
        let built = Builder::new_multi_thread().worker_threads(1).thread_name("lakegate-s3").enable_all().build();
        let built = built.map_err(|error| Failure::new(FailureCode::Internal, format!("no thread to reach S3 with: {error}")))?;
        Ok(self.reached.runtime.get_or_init(|| built))
    }
}

impl Place<'_> {
    async fn get(&self, version: Option<&str>) -> object_store::Result<GetResult> {
        let mut options = GetOptions::default();
        match version {
            Some(etag) if is_etag(etag) => options.if_match = Some(format!("\"{etag}\"")),
            Some(version) => options.version = Some(version.to_owned()),
            None => {}
        }
        self.store.get_opts(&self.path, options).await
    }

    fn read_failed(&self, key: &str, error: Error) -> Failure {
        match error {
            Error::NotFound { .. } => gone(key),
            Error::Precondition { .. } => changed(key),
            other => self.failed("reading", &other),
        }
    }

    fn write_failed(&self, error: Error) -> Failure {
        self.failed("writing", &error)
    }

    /// What the client tells of a listing is text alone.
    fn not_listed(&self, error: &Error) -> Failure {
        let told = error.to_string();
        if told.contains("NoSuchBucket") {
            return Failure::new(FailureCode::ObjectGone, format!("listing {}: there is no such bucket", self.location));
        }
        match self.failed("listing", error) {
            failure if told.contains("status code: 403") => Failure { code: FailureCode::PermissionDenied, ..failure },
            failure => failure,
        }
    }

    fn failed(&self, doing: &str, error: &Error) -> Failure {
        let message = format!("{doing} {}: {error}", self.location);
        match error {
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                Failure::new(FailureCode::PermissionDenied, message).hint("let the worker's role read the lake and write to its zones")
            }
            _ => Failure::new(FailureCode::LakeIo, message),
        }
    }
}

/// Whether a version is an etag and not the id of a version: 32 hexadecimal digits and, for an
/// object written in parts, their number.
fn is_etag(version: &str) -> bool {
    let (digest, parts) = version.split_once('-').unwrap_or((version, "1"));
    digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) && parts.bytes().all(|byte| byte.is_ascii_digit())
}

fn version_of(id: Option<String>, etag: Option<String>) -> String {
    let id = id.filter(|id| id != "null");
    id.or_else(|| etag.map(|etag| etag.trim_matches('"').to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_told_from_version_ids() {
        assert!(is_etag("d41d8cd98f00b204e9800998ecf8427e"));
        assert!(is_etag("d41d8cd98f00b204e9800998ecf8427e-12"));
        for version in ["", "3HL4kqtJvjVBH40Nrjfkd1UYTn5E9rjG", "null", "d41d8cd98f00b204e9800998ecf8427e-x"] {
            assert!(!is_etag(version), "{version}");
        }
    }

    #[test]
    fn a_version_is_the_id_where_there_are_versions() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(version_of(text("v1"), text("\"e\"")), "v1");
        assert_eq!(version_of(text("null"), text("\"e\"")), "e");
        assert_eq!(version_of(None, text("\"e\"")), "e");
    }

    #[test]
    fn only_s3_is_reached() {
        let failure = Remote::default().read(&Location::new("gs://bucket/a"), "a", None).unwrap_err();
        assert!(failure.message.contains("gs://bucket/a"), "{failure}");
    }
}
