//! Counting requests: each one that goes over the wire, retries among them, whichever client makes it.

use aws_smithy_runtime_api::client::{
    connector_metadata::ConnectorMetadata,
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector},
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use lakegate_coordinator::ports::Meter;
use lakegate_model::cost::{WHOLE, WireRequest, api};

/// A client that counts what another one sends.
#[derive(Debug)]
struct Counting {
    client: SharedHttpClient,
    meter: Meter,
}

/// The client, with its requests counted.
pub(crate) fn counting(client: SharedHttpClient, meter: Meter) -> SharedHttpClient {
    SharedHttpClient::new(Counting { client, meter })
}

impl HttpClient for Counting {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.client.http_connector(settings, components);
        SharedHttpConnector::new(CountingConnector { connector, meter: self.meter.clone() })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.client.connector_metadata()
    }
}

#[derive(Debug)]
struct CountingConnector {
    connector: SharedHttpConnector,
    meter: Meter,
}

impl HttpConnector for CountingConnector {
    /// Called in the task that makes the request, which is how the meter knows whom it is for.
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (path, query) = path_and_query(request.uri());
        let header = |name: &str| request.headers().get(name);
        let wire = WireRequest {
            method: request.method(),
            path,
            query,
            authorization: header("authorization").unwrap_or_default(),
            target: header("x-amz-target"),
            is_copy: header("x-amz-copy-source").is_some(),
            body: request.body().bytes(),
        };
        if let Some(meter) = api(&wire) {
            self.meter.count(&meter, WHOLE);
        }
        self.connector.call(request)
    }
}

/// Of `https://host/path?query` the last two.
fn path_and_query(uri: &str) -> (&str, &str) {
    let after_host = uri.split_once("://").map_or(uri, |(_, rest)| rest.split_once('/').map_or("", |(_, rest)| rest));
    after_host.split_once('?').unwrap_or((after_host, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        assert_eq!(path_and_query("https://b.s3.amazonaws.com/a/b?list-type=2"), ("a/b", "list-type=2"));
        assert_eq!(path_and_query("http://127.0.0.1:5000/"), ("", ""));
        assert_eq!(path_and_query("http://127.0.0.1:5000"), ("", ""));
    }
}
