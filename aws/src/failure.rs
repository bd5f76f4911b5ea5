//! What AWS answers as failures: whose fault, whether to try again, what to do. Requests that were
//! throttled or lost were tried again by the SDK before one of these is made.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use lakegate_model::{Failure, FailureCode};
use std::error::Error;

/// The failure of one request. `what` says what was done to what: `read s3://bucket/key`; `code` is
/// the port's own code, for what is neither a lack of permission nor of credentials.
pub(crate) fn failed<E, R>(code: FailureCode, what: &str, error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let service = error.as_service_error();
    let name = service.and_then(ProvideErrorMetadata::code).unwrap_or_default();
    if is_denied(name) {
        return Failure::new(FailureCode::PermissionDenied, format!("not allowed to {what}: {name}"))
            .hint("add the permission to the role that lakegate runs with");
    }
    match service.and_then(ProvideErrorMetadata::message) {
        Some(message) => Failure::new(code, format!("could not {what}: {name}: {message}")),
        None if name.is_empty() => Failure::new(code, format!("could not {what}: {}", cause(error)))
            .hint("check the network, the region, AWS_ENDPOINT_URL, and that there are credentials: `aws sts get-caller-identity`"),
        None => Failure::new(code, format!("could not {what}: {name}")),
    }
}

/// Whether a service says by this name that the caller may not, or is nobody.
/// What an error and those under it say, each thing once.
fn cause(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut under = error.source();
    while let Some(error) = under {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        under = error.source();
    }
    text
}

pub(crate) fn is_denied(name: &str) -> bool {
    matches!(
        name,
        "AccessDenied"
            | "AccessDeniedException"
            | "403"
            | "Forbidden"
            | "UnauthorizedOperation"
            | "InvalidAccessKeyId"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
    )
}
