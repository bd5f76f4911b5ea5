//! Counting a task's requests as they go over the wire, each retry among them.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use lakegate_model::cost::{Requests, WHOLE, WireRequest, api};
use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector},
};

/// The requests of one task. Clones count on.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<Mutex<Requests>>);

tokio::task_local! {
    /// Whose requests this task of the runtime makes.
    static TALLY: Tally;
}

impl Tally {
    /// What was counted.
    pub(super) fn requests(&self) -> Requests {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts what the work asks for.
    pub(super) async fn counting<T>(self, work: impl Future<Output = T>) -> T {
        TALLY.scope(self, work).await
    }

    fn count(&self, meter: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(meter, WHOLE);
    }
}

/// Makes the HTTP clients of object stores, which count.
#[derive(Debug, Default)]
pub(super) struct CountingConnector(ReqwestConnector);

impl HttpConnector for CountingConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Counting(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct Counting(HttpClient);

#[async_trait]
impl HttpService for Counting {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let wire = WireRequest {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            authorization: header("authorization").unwrap_or_default(),
            target: None,
            is_copy: header("x-amz-copy-source").is_some(),
            body: None,
        };
        if let Some(meter) = api(&wire) {
            // Nobody asks for anything outside of a task but a preview of a table.
            let _ = TALLY.try_with(|tally| tally.count(&meter));
        }
        self.0.execute(request).await
    }
}
