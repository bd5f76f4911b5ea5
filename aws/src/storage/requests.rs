//! What the requests to S3 share: where an object is, what is there, and what went wrong.

use std::error::Error as StdError;

use aws_sdk_s3::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::head_object::HeadObjectOutput,
    types::Error,
};
use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode, Location};

use crate::{events::version_of, failure::failed};

/// What to do about a bucket that is not there.
pub(super) const NO_BUCKET: &str = "`lakegate bootstrap` makes the bucket; or correct `zones` in lakegate.yaml";

/// The bucket and the key of a file.
pub(super) fn place(at: &Location) -> Result<(&str, &str)> {
    let named = at.s3().filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
    named.ok_or_else(|| Failure::new(FailureCode::InvalidRequest, format!("{at} names no object on S3: it should be s3://bucket/key")))
}

/// What is at a place now; `None` if nothing is.
pub(super) async fn stat(client: &Client, at: &Location) -> Result<Option<HeadObjectOutput>> {
    let (bucket, key) = place(at)?;
    match client.head_object().bucket(bucket).key(key).send().await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.as_service_error().is_some_and(|service| service.is_not_found()) => Ok(None),
        Err(error) => Err(failure(&format!("look at {at}"), &error)),
    }
}

/// The version of what is at a place, as its events name it.
pub(super) fn version(at: &Location, version_id: Option<&str>, etag: Option<&str>) -> Result<String> {
    let unnamed = || Failure::new(FailureCode::LakeIo, format!("S3 gives neither a version id nor an etag for {at}"));
    version_of(version_id, etag).ok_or_else(unnamed)
}

/// The size of what was found, in bytes.
pub(super) fn size(found: &HeadObjectOutput) -> u64 {
    found.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

/// The failure of one request. An answer to HEAD has no body that could name the error, only its status.
pub(super) fn failure<E>(what: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let is_nameless = error.as_service_error().is_some_and(|service| service.code().is_none());
    let status = error.raw_response().map(|response| response.status().as_u16());
    match status.filter(|_| is_nameless) {
        Some(403) => Failure::new(FailureCode::PermissionDenied, format!("not allowed to {what}")).hint(
            "give the role that lakegate runs with s3:GetObject there, and s3:ListBucket on the bucket: without it S3 hides what is absent",
        ),
        Some(301 | 400) => Failure::new(FailureCode::LakeIo, format!("could not {what}: S3 refuses the request"))
            .hint("check that the bucket is in the region that lakegate uses, and that the credentials have not expired"),
        _ if error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("NoSuchBucket") => {
            failed(FailureCode::LakeIo, what, error).hint(NO_BUCKET)
        }
        _ => failed(FailureCode::LakeIo, what, error),
    }
}

/// The failure of deleting some of several objects, of which this is the first.
pub(super) fn refused_delete(bucket: &str, error: &Error, count: usize) -> Failure {
    let [key, name, said] = [error.key(), error.code(), error.message()].map(Option::unwrap_or_default);
    let message = format!("could not delete s3://{bucket}/{key}, one of {count}: {name}: {said}");
    match name {
        "AccessDenied" => {
            Failure::new(FailureCode::PermissionDenied, message).hint("give the role that lakegate runs with s3:DeleteObject there")
        }
        _ => Failure::new(FailureCode::LakeIo, message),
    }
}
