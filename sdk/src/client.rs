//! The client: one method per call of the `Lake` service.

use std::{future::Future, time::Duration};

use futures::Stream;
use lakegate_model::{Failure, FailureCode, Pipeline, Timestamp};
use lakegate_proto::{MAX_MESSAGE, convert::Malformed, failure_of_status, v1};
use tonic::{
    Response, Status as RpcStatus,
    transport::{Channel, Endpoint},
};
use v1::lake_client::LakeClient;

use crate::{
    Options,
    paging::{Filter, Page, all_pages},
    types::{AppliedPipeline, Batch, Cost, Object, ObjectHistory, PipelineInfo, Run, StagePause, Status, Submitted, Table, Worker},
    watch,
};

/// Keys that one `Submit` message may hold.
const SUBMIT_LIMIT: usize = 1_000;
/// How often an idle connection is probed, and how long an answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// A connection to a lake. Cloning is cheap and shares the connection; a lost connection is made
/// again by the next call.
#[derive(Clone, Debug)]
pub struct Client {
    rpc: LakeClient<Channel>,
    endpoint: String,
    options: Options,
}

impl Client {
    /// Connects to the coordinator at an endpoint such as `http://127.0.0.1:7447`.
    ///
    /// # Errors
    /// `InvalidRequest` if the endpoint is no `http://` URI, `Unavailable` if nobody answers there.
    pub async fn connect(endpoint: impl Into<String>) -> Result<Client, Failure> {
        Client::connect_with(endpoint, Options::default()).await
    }

    /// Connects with other timeouts and retries.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn connect_with(endpoint: impl Into<String>, options: Options) -> Result<Client, Failure> {
        let endpoint = endpoint.into();
        let channel = transport(&endpoint, &options)?.connect().await.map_err(|error| unreachable_at(&endpoint, &root_cause(&error)))?;
        let rpc = LakeClient::new(channel).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);
        Ok(Client { rpc, endpoint, options })
    }

    /// The endpoint it was connected to.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Hands objects that already lie in the raw zone, by their keys, to their pipelines. `Ok` is
    /// durable, also for those that follow the first thousand; the answers are in the order of the
    /// keys. Doing it again starts nothing twice.
    ///
    /// # Errors
    /// The lake can't be reached or its ledger can't be written. A key that is refused, because
    /// there is no such file or no pipeline takes it, is not an error of the call: see
    /// [`Submitted::refused`].
    pub async fn submit<K: Into<String>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<Submitted>, Failure> {
        self.submit_once("", keys).await
    }

    /// As [`Client::submit`], with a key that names this submission: whoever repeats a submission
    /// after a lost answer sends the same one. Empty is none.
    ///
    /// # Errors
    /// As [`Client::submit`].
    pub async fn submit_once<K: Into<String>>(
        &self,
        idempotency_key: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Submitted>, Failure> {
        let objects: Vec<v1::SubmitObject> = keys.into_iter().map(|key| v1::SubmitObject { key: key.into() }).collect();
        let mut submitted = Vec::with_capacity(objects.len());
        for (part, objects) in objects.chunks(SUBMIT_LIMIT).enumerate() {
            // Each message is a request of its own to the coordinator, so each needs its own name.
            let idempotency_key = match (idempotency_key, part) {
                ("", _) => String::new(),
                (key, 0) => key.to_owned(),
                (key, part) => format!("{key}/{part}"),
            };
            let request = v1::SubmitRequest { objects: objects.to_vec(), idempotency_key };
            let answer = self.call(request, |mut rpc, request| async move { rpc.submit(request).await }).await?;
            submitted.extend(answer.objects.into_iter().map(Submitted::from));
        }
        Ok(submitted)
    }

    /// Makes a pipeline the newest version of its dataset's. The same pipeline again changes nothing.
    ///
    /// # Errors
    /// `InvalidPipeline` if it can't be run, and what a call can fail with.
    pub async fn apply_pipeline(&self, pipeline: &Pipeline) -> Result<AppliedPipeline, Failure> {
        let pipeline_json = serde_json::to_string(pipeline)
            .map_err(|error| Failure::new(FailureCode::Internal, format!("pipeline {} can't be sent: {error}", pipeline.dataset)))?;
        let request = v1::ApplyPipelineRequest { pipeline_json };
        let answer = self.call(request, |mut rpc, request| async move { rpc.apply_pipeline(request).await }).await?;
        Ok(AppliedPipeline { version: answer.version, changed: answer.changed })
    }

    /// The newest version of every dataset's pipeline.
    ///
    /// # Errors
    /// What a call can fail with.
    pub async fn pipelines(&self) -> Result<Vec<PipelineInfo>, Failure> {
        let answer = self.call(v1::ListPipelinesRequest {}, |mut rpc, request| async move { rpc.list_pipelines(request).await }).await?;
        answer.pipelines.into_iter().map(PipelineInfo::try_from).collect()
    }

    /// A run by its id, or an unambiguous beginning of it.
    ///
    /// # Errors
    /// `NotFound` if there is none, `InvalidRequest` if several begin so, and what a call can fail with.
    pub async fn run(&self, run: &str) -> Result<Run, Failure> {
        let request = v1::GetRunRequest { run: run.to_owned() };
        Ok(self.call(request, |mut rpc, request| async move { rpc.get_run(request).await }).await?.into())
    }

    /// One page of runs, newest first. An empty token gives the first.
    ///
    /// # Errors
    /// What a call can fail with.
    pub async fn list_runs(&self, filter: &Filter, page_token: &str) -> Result<Page<Run>, Failure> {
        let Filter { within, state, page_size } = filter.clone();
        let request = v1::ListRunsRequest { within, state, page_size, page_token: page_token.to_owned() };
        let page = self.call(request, |mut rpc, request| async move { rpc.list_runs(request).await }).await?;
        Ok(Page { items: page.runs.into_iter().map(Run::from).collect(), next: page.next_page_token })
    }

    /// All runs, newest first, fetched as they are asked for.
    pub fn runs(&self, filter: Filter) -> impl Stream<Item = Result<Run, Failure>> + Send + use<> {
        let client = self.clone();
        all_pages(move |token| {
            let (client, filter) = (client.clone(), filter.clone());
            async move { client.list_runs(&filter, &token).await }
        })
    }

    /// The run now and after every change until it is over; then the stream ends.
    ///
    /// # Errors
    /// As [`Client::run`]. The stream's items fail when the lake is lost.
    pub async fn watch_run(&self, run: &str) -> Result<impl Stream<Item = Result<Run, Failure>> + Send + use<>, Failure> {
        let request = v1::GetRunRequest { run: run.to_owned() };
        let stream = self.call(request, |mut rpc, request| async move { rpc.watch_run(request).await }).await?;
        Ok(watch::items(stream, self.endpoint.clone(), |run| Ok(Run::from(run))))
    }

    /// An object by its id, an unambiguous beginning of it, or a key in the raw zone: its newest version.
    ///
    /// # Errors
    /// `NotFound` if there is none, `InvalidRequest` if several begin so, and what a call can fail with.
    pub async fn object(&self, object: &str) -> Result<Object, Failure> {
        let request = v1::GetObjectRequest { object: object.to_owned() };
        let object = self.call(request, |mut rpc, request| async move { rpc.get_object(request).await }).await?;
        Ok(Object::try_from(object)?)
    }

    /// One page of objects, newest first. An empty token gives the first.
    ///
    /// # Errors
    /// What a call can fail with.
    pub async fn list_objects(&self, filter: &Filter, page_token: &str) -> Result<Page<Object>, Failure> {
        let Filter { within, state, page_size } = filter.clone();
        let request = v1::ListObjectsRequest { within, state, page_size, page_token: page_token.to_owned() };
        let page = self.call(request, |mut rpc, request| async move { rpc.list_objects(request).await }).await?;
        let items = page.objects.into_iter().map(Object::try_from).collect::<Result<_, Malformed>>()?;
        Ok(Page { items, next: page.next_page_token })
    }

    /// All objects, newest first, fetched as they are asked for.
    pub fn objects(&self, filter: Filter) -> impl Stream<Item = Result<Object, Failure>> + Send + use<> {
        let client = self.clone();
        all_pages(move |token| {
            let (client, filter) = (client.clone(), filter.clone());
            async move { client.list_objects(&filter, &token).await }
        })
    }

    /// What happened to an object, named as in [`Client::object`], through every stage.
    ///
    /// # Errors
    /// As [`Client::object`].
    pub async fn object_history(&self, object: &str) -> Result<ObjectHistory, Failure> {
        let request = v1::GetObjectRequest { object: object.to_owned() };
        let history = self.call(request, |mut rpc, request| async move { rpc.get_object_history(request).await }).await?;
        Ok(ObjectHistory::try_from(history)?)
    }

    /// A sealed batch by its id or an unambiguous beginning of it, with its first keys.
    ///
    /// # Errors
    /// `NotFound` if there is none, `InvalidRequest` if several begin so, and what a call can fail with.
    pub async fn batch(&self, batch: &str) -> Result<Batch, Failure> {
        let request = v1::GetBatchRequest { batch: batch.to_owned() };
        Ok(self.call(request, |mut rpc, request| async move { rpc.get_batch(request).await }).await?.into())
    }

    /// One page of batches, open ones first, then newest first. An empty token gives the first page.
    ///
    /// # Errors
    /// What a call can fail with.
    pub async fn list_batches(&self, filter: &Filter, page_token: &str) -> Result<Page<Batch>, Failure> {
        let Filter { within, page_size, .. } = filter.clone();
        let request = v1::ListBatchesRequest { within, page_size, page_token: page_token.to_owned() };
        let page = self.call(request, |mut rpc, request| async move { rpc.list_batches(request).await }).await?;
        Ok(Page { items: page.batches.into_iter().map(Batch::from).collect(), next: page.next_page_token })
    }

    /// All batches, open ones first, then newest first, fetched as they are asked for.
    pub fn batches(&self, filter: Filter) -> impl Stream<Item = Result<Batch, Failure>> + Send + use<> {
        let client = self.clone();
        all_pages(move |token| {
            let (client, filter) = (client.clone(), filter.clone());
            async move { client.list_batches(&filter, &token).await }
        })
    }

    /// A table, `database.table`, with its files.
    ///
    /// # Errors
    /// `NotFound` if there is none, and what a call can fail with.
    pub async fn table(&self, table: &str) -> Result<Table, Failure> {
        let request = v1::GetTableRequest { table: table.to_owned() };
        let table = self.call(request, |mut rpc, request| async move { rpc.get_table(request).await }).await?;
        Ok(Table::try_from(table)?)
    }

    /// Every table, by name, without its files.
    ///
    /// # Errors
    /// What a call can fail with.
    pub async fn tables(&self) -> Result<Vec<Table>, Failure> {
        let answer = self.call(v1::ListTablesRequest {}, |mut rpc, request| async move { rpc.list_tables(request).await }).await?;
        Ok(answer.tables.into_iter().map(Table::try_from).collect::<Result<_, Malformed>>()?)
    }

    /// The workers that are connected.
    ///
    /// # Errors
    /// What a call can fail with.
    pub async fn workers(&self) -> Result<Vec<Worker>, Failure> {
        let answer = self.call(v1::ListWorkersRequest {}, |mut rpc, request| async move { rpc.list_workers(request).await }).await?;
        Ok(answer.workers.into_iter().map(Worker::from).collect())
    }

    /// Pauses a stage, `team/dataset/stage`: it starts nothing; what comes to it waits; what runs goes on.
    ///
    /// # Errors
    /// `NotFound` if there is no such stage, and what a call can fail with.
    pub async fn pause_stage(&self, stage: &str) -> Result<StagePause, Failure> {
        let request = v1::StageRequest { stage: stage.to_owned() };
        let answer = self.call(request, |mut rpc, request| async move { rpc.pause_stage(request).await }).await?;
        Ok(StagePause { paused: answer.paused, changed: answer.changed })
    }

    /// Lets a paused stage go on.
    ///
    /// # Errors
    /// As [`Client::pause_stage`].
    pub async fn resume_stage(&self, stage: &str) -> Result<StagePause, Failure> {
        let request = v1::StageRequest { stage: stage.to_owned() };
        let answer = self.call(request, |mut rpc, request| async move { rpc.resume_stage(request).await }).await?;
        Ok(StagePause { paused: answer.paused, changed: answer.changed })
    }

    /// How much is waiting, running and done.
    ///
    /// # Errors
    /// What a call can fail with.
    pub async fn status(&self) -> Result<Status, Failure> {
        Ok(self.call(v1::GetStatusRequest {}, |mut rpc, request| async move { rpc.get_status(request).await }).await?.into())
    }

    /// The requests that one run made: its id, or an unambiguous beginning of it.
    ///
    /// # Errors
    /// `NotFound` if there is none, `InvalidRequest` if several begin so, and what a call can fail with.
    pub async fn run_cost(&self, run: &str) -> Result<Cost, Failure> {
        self.cost_of(v1::GetCostRequest { run: run.to_owned(), ..v1::GetCostRequest::default() }).await
    }

    /// The requests that runs made which were recorded at a time or later: a team's, a dataset's
    /// (`team/dataset`), a stage's (`team/dataset/stage`), or all if `within` is empty.
    ///
    /// # Errors
    /// `InvalidRequest` if `within` is none of these, and what a call can fail with.
    pub async fn cost(&self, within: &str, since: Timestamp) -> Result<Cost, Failure> {
        self.cost_of(v1::GetCostRequest { run: String::new(), within: within.to_owned(), since: since.0 }).await
    }

    async fn cost_of(&self, request: v1::GetCostRequest) -> Result<Cost, Failure> {
        Ok(self.call(request, |mut rpc, request| async move { rpc.get_cost(request).await }).await?.into())
    }

    /// The status now and, at most once every `interval`, whenever it has changed. Never ends by itself.
    ///
    /// # Errors
    /// What a call can fail with. The stream's items fail when the lake is lost.
    pub async fn watch_status(&self, interval: Duration) -> Result<impl Stream<Item = Result<Status, Failure>> + Send + use<>, Failure> {
        let request = v1::WatchStatusRequest { interval_ms: u32::try_from(interval.as_millis()).unwrap_or(u32::MAX) };
        let stream = self.call(request, |mut rpc, request| async move { rpc.watch_status(request).await }).await?;
        Ok(watch::items(stream, self.endpoint.clone(), |status| Ok(Status::from(status))))
    }

    /// Seals every open batch now, however small, unless its stage is paused; says how many it sealed.
    ///
    /// # Errors
    /// What a call can fail with.
    pub async fn seal_batches(&self) -> Result<u32, Failure> {
        Ok(self.call(v1::SealBatchesRequest {}, |mut rpc, request| async move { rpc.seal_batches(request).await }).await?.sealed)
    }

    /// Tries a call until it is answered by the coordinator, or the attempts are used up. Every call
    /// of the service may be repeated: what it asks for is a state, or derived from what it names.
    pub(crate) async fn call<R, T, F, Fut>(&self, request: R, call: F) -> Result<T, Failure>
    where
        R: Clone,
        F: Fn(LakeClient<Channel>, R) -> Fut,
        Fut: Future<Output = Result<Response<T>, RpcStatus>>,
    {
        let mut wait = self.options.backoff;
        let mut left = self.options.attempts.max(1);
        loop {
            let status = match call(self.rpc.clone(), request.clone()).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => status,
            };
            left -= 1;
            let failure = failure_of(&status, &self.endpoint);
            if left == 0 || failure.code != FailureCode::Unavailable {
                return Err(failure);
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
        }
    }
}

fn transport(endpoint: &str, options: &Options) -> Result<Endpoint, Failure> {
    let wrong = |why: &str| {
        Failure::new(FailureCode::InvalidRequest, format!("`{endpoint}` is not an endpoint: {why}"))
            .hint("write it like http://127.0.0.1:7447")
    };
    let transport = Endpoint::from_shared(endpoint.to_owned()).map_err(|error| wrong(&root_cause(&error)))?;
    if transport.uri().scheme_str() != Some("http") {
        return Err(wrong("it must begin with http://"));
    }
    Ok(transport
        .connect_timeout(options.connect_timeout)
        .timeout(options.call_timeout)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .tcp_nodelay(true))
}

/// The failure a status carries; one that comes from the connection and not from the coordinator
/// says where the coordinator was sought.
pub(crate) fn failure_of(status: &RpcStatus, endpoint: &str) -> Failure {
    let failure = failure_of_status(status);
    if failure.code == FailureCode::Unavailable && status.details().is_empty() {
        unreachable_at(endpoint, &failure.message)
    } else {
        failure
    }
}

fn unreachable_at(endpoint: &str, why: &str) -> Failure {
    Failure::new(FailureCode::Unavailable, format!("no lake answers at {endpoint}: {why}"))
        .hint("see that the coordinator is running and the endpoint is right")
}

/// The innermost reason, which is the one that says something: "connection refused".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
