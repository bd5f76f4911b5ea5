//! The API that a request calls, told by what goes over the wire.

/// The write units that requests to DynamoDB consumed.
pub const WRITE_UNITS: &str = "dynamodb:write-units";
/// The read units that they consumed.
pub const READ_UNITS: &str = "dynamodb:read-units";

/// What of a request tells its API.
#[derive(Clone, Copy, Debug, Default)]
pub struct WireRequest<'a> {
    /// The method, upper case.
    pub method: &'a str,
    /// The path, percent-encoded as sent.
    pub path: &'a str,
    /// What follows `?`, or nothing.
    pub query: &'a str,
    /// The header `Authorization`: its scope names the service.
    pub authorization: &'a str,
    /// The header `X-Amz-Target`, of the services that have it.
    pub target: Option<&'a str>,
    /// Whether there is a header `X-Amz-Copy-Source`.
    pub is_copy: bool,
    /// The body, as far as it is at hand.
    pub body: Option<&'a [u8]>,
}

/// The API as `service:Operation`, both as IAM policies name them where they can. `None` if the
/// request is not signed: then it is no API that is paid for (the machine's own metadata).
pub fn api(request: &WireRequest<'_>) -> Option<String> {
    let service = service(request.authorization)?;
    let operation = match (service, request.target) {
        (_, Some(target)) => target.rsplit('.').next().unwrap_or(target).to_owned(),
        ("s3", None) => s3(request).to_owned(),
        (_, None) => form_action(request.body).unwrap_or_else(|| last_segment(request)),
    };
    Some(format!("{service}:{operation}"))
}

/// `Credential=<key>/<date>/<region>/<service>/aws4_request`
fn service(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split(',').next()?.trim().rsplit('/').nth(1)
}

/// `Action=Publish&…`, as the older services are asked.
fn form_action(body: Option<&[u8]>) -> Option<String> {
    let text = std::str::from_utf8(body?).ok()?;
    text.split('&').find_map(|field| field.strip_prefix("Action=")).map(str::to_owned)
}

fn last_segment(request: &WireRequest<'_>) -> String {
    match request.path.trim_matches('/').rsplit('/').next() {
        Some(segment) if !segment.is_empty() => segment.to_owned(),
        _ => request.method.to_owned(),
    }
}

fn s3(request: &WireRequest<'_>) -> &'static str {
    let has = |name: &str| request.query.split('&').any(|field| field.split('=').next() == Some(name));
    match request.method {
        "GET" if has("list-type") => "ListObjectsV2",
        "GET" if ["acl", "lifecycle", "location", "notification", "policy", "tagging", "versioning"].into_iter().any(has) => {
            "GetConfiguration"
        }
        "GET" => "GetObject",
        "HEAD" => "HeadObject",
        "PUT" if has("partNumber") => {
            if request.is_copy {
                "UploadPartCopy"
            } else {
                "UploadPart"
            }
        }
        "PUT" if request.is_copy => "CopyObject",
        "POST" if has("uploads") => "CreateMultipartUpload",
        "POST" if has("uploadId") => "CompleteMultipartUpload",
        "POST" if has("delete") => "DeleteObjects",
        "DELETE" if has("uploadId") => "AbortMultipartUpload",
        "DELETE" => "DeleteObject",
        "POST" => "PostObject",
        _ => "PutObject",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(service: &str) -> String {
        format!("AWS4-HMAC-SHA256 Credential=AKID/20260131/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0")
    }

    #[test]
    fn services_with_a_target_are_told_by_it() {
        for (service, target, expected) in [
            ("dynamodb", "DynamoDB_20120810.PutItem", "dynamodb:PutItem"),
            ("sqs", "AmazonSQS.ReceiveMessage", "sqs:ReceiveMessage"),
            ("glue", "AWSGlue.GetTable", "glue:GetTable"),
            ("events", "AWSEvents.PutEvents", "events:PutEvents"),
        ] {
            let authorization = signed(service);
            let request =
                WireRequest { method: "POST", path: "/", authorization: &authorization, target: Some(target), ..WireRequest::default() };
            assert_eq!(api(&request).as_deref(), Some(expected));
        }
    }

    #[test]
    fn s3_is_told_by_method_and_query() {
        for (method, query, is_copy, expected) in [
            ("GET", "", false, "s3:GetObject"),
            ("GET", "x-id=GetObject&versionId=1", false, "s3:GetObject"),
            ("GET", "list-type=2&prefix=uploads", false, "s3:ListObjectsV2"),
            ("GET", "notification", false, "s3:GetConfiguration"),
            ("HEAD", "", false, "s3:HeadObject"),
            ("PUT", "", false, "s3:PutObject"),
            ("PUT", "", true, "s3:CopyObject"),
            ("PUT", "partNumber=1&uploadId=u", false, "s3:UploadPart"),
            ("PUT", "partNumber=1&uploadId=u", true, "s3:UploadPartCopy"),
            ("POST", "uploads", false, "s3:CreateMultipartUpload"),
            ("POST", "uploadId=u", false, "s3:CompleteMultipartUpload"),
            ("POST", "delete", false, "s3:DeleteObjects"),
            ("DELETE", "", false, "s3:DeleteObject"),
            ("DELETE", "uploadId=u", false, "s3:AbortMultipartUpload"),
        ] {
            let authorization = signed("s3");
            let request = WireRequest { method, path: "/b/k", query, authorization: &authorization, is_copy, ..WireRequest::default() };
            assert_eq!(api(&request).as_deref(), Some(expected), "{method} {query}");
        }
    }

    #[test]
    fn others_are_told_by_their_form_or_path() {
        let (sns, tags) = (signed("sns"), signed("lakeformation"));
        let form = WireRequest {
            method: "POST",
            path: "/",
            authorization: &sns,
            body: Some(b"Action=Publish&Version=1"),
            ..WireRequest::default()
        };
        assert_eq!(api(&form).as_deref(), Some("sns:Publish"));
        let rest = WireRequest { method: "POST", path: "/AddLFTagsToResource", authorization: &tags, ..WireRequest::default() };
        assert_eq!(api(&rest).as_deref(), Some("lakeformation:AddLFTagsToResource"));
    }

    #[test]
    fn what_is_not_signed_is_no_api() {
        assert_eq!(api(&WireRequest { method: "GET", path: "/latest/meta-data", ..WireRequest::default() }), None);
    }
}
