//! The client against a real server that fails in the ways servers do.

#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _};
use lakegate_model::{Failure, FailureCode};
use lakegate_proto::{status_of_failure, v1};
use lakegate_sdk::{Client, Filter, Options};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use v1::lake_server::{Lake, LakeServer};

/// Answers `GetStatus` only at the third try, has 2,500 runs, and knows one run to watch.
#[derive(Default)]
struct Scripted {
    calls: Arc<AtomicU32>,
}

type Answer<T> = Result<Response<T>, Status>;
type Items<T> = futures::stream::BoxStream<'static, Result<T, Status>>;

fn none<T>() -> Answer<T> {
    Err(Status::unimplemented("not scripted"))
}

#[tonic::async_trait]
impl Lake for Scripted {
    type WatchRunStream = Items<v1::Run>;
    type WatchStatusStream = Items<v1::Status>;

    async fn get_status(&self, _: Request<v1::GetStatusRequest>) -> Answer<v1::Status> {
        if self.calls.fetch_add(1, Ordering::SeqCst) < 2 {
            return Err(Status::unavailable("starting"));
        }
        Ok(Response::new(v1::Status { workers: 3, ..v1::Status::default() }))
    }

    async fn list_runs(&self, request: Request<v1::ListRunsRequest>) -> Answer<v1::ListRunsResponse> {
        let request = request.into_inner();
        let from: u32 = request.page_token.parse().unwrap_or(0);
        let to = (from + request.page_size).min(2_500);
        let runs = (from..to).map(|n| v1::Run { id: format!("ex-{n}"), stage: request.within.clone(), ..v1::Run::default() }).collect();
        let next_page_token = if to < 2_500 { to.to_string() } else { String::new() };
        Ok(Response::new(v1::ListRunsResponse { runs, next_page_token }))
    }

    async fn submit(&self, request: Request<v1::SubmitRequest>) -> Answer<v1::SubmitResponse> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let refusal = Failure::new(FailureCode::ObjectGone, "no such file").hint("copy it there first");
        let answer = |object: v1::SubmitObject| {
            let refused = object.key.ends_with('7').then(|| (&refusal).into());
            let id = if refused.is_some() { String::new() } else { format!("ob-{}", object.key) };
            v1::Submitted { key: object.key, object: id, new: true, refused }
        };
        Ok(Response::new(v1::SubmitResponse { objects: request.into_inner().objects.into_iter().map(answer).collect() }))
    }

    async fn get_run(&self, _: Request<v1::GetRunRequest>) -> Answer<v1::Run> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Err(status_of_failure(&Failure::new(FailureCode::NotFound, "no run begins `ex-9`").hint("list them with `run list`")))
    }

    async fn watch_run(&self, _: Request<v1::GetRunRequest>) -> Answer<Self::WatchRunStream> {
        let run = |state: &str| Ok(v1::Run { state: state.into(), ..v1::Run::default() });
        Ok(Response::new(futures::stream::iter([run("ready"), run("running"), run("succeeded")]).boxed()))
    }

    async fn apply_pipeline(&self, _: Request<v1::ApplyPipelineRequest>) -> Answer<v1::ApplyPipelineResponse> {
        none()
    }
    async fn list_pipelines(&self, _: Request<v1::ListPipelinesRequest>) -> Answer<v1::ListPipelinesResponse> {
        none()
    }
    async fn get_object(&self, _: Request<v1::GetObjectRequest>) -> Answer<v1::Object> {
        none()
    }
    async fn list_objects(&self, _: Request<v1::ListObjectsRequest>) -> Answer<v1::ListObjectsResponse> {
        none()
    }
    async fn get_object_history(&self, _: Request<v1::GetObjectRequest>) -> Answer<v1::ObjectHistory> {
        none()
    }
    async fn get_batch(&self, _: Request<v1::GetBatchRequest>) -> Answer<v1::Batch> {
        none()
    }
    async fn list_batches(&self, _: Request<v1::ListBatchesRequest>) -> Answer<v1::ListBatchesResponse> {
        none()
    }
    async fn get_table(&self, _: Request<v1::GetTableRequest>) -> Answer<v1::Table> {
        none()
    }
    async fn list_tables(&self, _: Request<v1::ListTablesRequest>) -> Answer<v1::ListTablesResponse> {
        none()
    }
    async fn list_workers(&self, _: Request<v1::ListWorkersRequest>) -> Answer<v1::ListWorkersResponse> {
        none()
    }
    async fn pause_stage(&self, _: Request<v1::StageRequest>) -> Answer<v1::StageResponse> {
        none()
    }
    async fn resume_stage(&self, _: Request<v1::StageRequest>) -> Answer<v1::StageResponse> {
        none()
    }
    async fn watch_status(&self, _: Request<v1::WatchStatusRequest>) -> Answer<Self::WatchStatusStream> {
        none()
    }
    async fn get_cost(&self, _: Request<v1::GetCostRequest>) -> Answer<v1::Cost> {
        none()
    }
    async fn list_quarantine(&self, _: Request<v1::ListQuarantineRequest>) -> Answer<v1::ListQuarantineResponse> {
        none()
    }
    async fn release_quarantined(&self, _: Request<v1::ReleaseQuarantinedRequest>) -> Answer<v1::ReleaseQuarantinedResponse> {
        none()
    }
    async fn get_quality_history(&self, _: Request<v1::GetQualityHistoryRequest>) -> Answer<v1::QualityHistory> {
        none()
    }
    async fn seal_batches(&self, _: Request<v1::SealBatchesRequest>) -> Answer<v1::SealBatchesResponse> {
        none()
    }
}

async fn serve() -> (Client, Arc<AtomicU32>) {
    let lake = Scripted::default();
    let calls = lake.calls.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(
        tonic::transport::Server::builder().add_service(LakeServer::new(lake)).serve_with_incoming(TcpListenerStream::new(listener)),
    );
    let options = Options { backoff: Duration::from_millis(5), ..Options::default() };
    (Client::connect_with(endpoint, options).await.unwrap(), calls)
}

#[tokio::test]
async fn a_lake_that_is_starting_is_waited_for() {
    let (lake, calls) = serve().await;
    assert_eq!(lake.status().await.unwrap().workers, 3);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_the_coordinator_refuses_is_not_tried_again_and_keeps_its_hint() {
    let (lake, calls) = serve().await;
    let failure = lake.run("ex-9").await.unwrap_err();
    assert_eq!((failure.code, failure.hint.as_str()), (FailureCode::NotFound, "list them with `run list`"));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_list_walks_all_its_pages_with_its_filter() {
    let (lake, _) = serve().await;
    let ids: Vec<String> =
        lake.runs(Filter::within("nyc/flights").page_size(1_000)).map_ok(|run| run.id + &run.stage).try_collect().await.unwrap();
    assert_eq!(ids.len(), 2_500);
    assert_eq!(ids[2_499], "ex-2499nyc/flights");
}

#[tokio::test]
async fn many_keys_are_submitted_in_order_over_several_messages() {
    let (lake, calls) = serve().await;
    let submitted = lake.submit((0..2_001).map(|n| n.to_string())).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert_eq!(submitted.len(), 2_001);
    assert_eq!((submitted[2_000].key.as_str(), submitted[2_000].object.as_deref()), ("2000", Some("ob-2000")));
    let refused = submitted[1_007].refused.as_ref().unwrap();
    assert_eq!((refused.code, submitted[1_007].object.as_deref()), (FailureCode::ObjectGone, None));
}

#[tokio::test]
async fn watching_a_run_ends_when_it_is_over() {
    let (lake, _) = serve().await;
    let mut changes = pin!(lake.watch_run("ex-1").await.unwrap());
    let mut states = Vec::new();
    while let Some(run) = changes.try_next().await.unwrap() {
        states.push((run.is_over(), run.state));
    }
    assert_eq!(states.last(), Some(&(true, "succeeded".to_owned())));
    assert_eq!(states.len(), 3);
}

#[tokio::test]
async fn nobody_there_and_nonsense_are_told_apart() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let nobody = Client::connect(format!("http://127.0.0.1:{port}")).await.unwrap_err();
    assert_eq!(nobody.code, FailureCode::Unavailable);
    assert!(nobody.message.contains(&port.to_string()) && nobody.message.to_lowercase().contains("refused"), "{nobody}");
    for nonsense in ["", "127.0.0.1:80", "ftp://x", "http://[", "https://127.0.0.1:1"] {
        assert_eq!(Client::connect(nonsense).await.unwrap_err().code, FailureCode::InvalidRequest, "{nonsense}");
    }
}
