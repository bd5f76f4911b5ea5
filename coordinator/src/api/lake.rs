//! The users' service: each method asks the ledger or the actors and answers; the shapes are made
//! in the files beside this one.

use std::{pin::Pin, time::Duration};

use lakegate_model::{Failure, FailureCode, Pipeline, Retry, StageKey};
use lakegate_proto::v1::{self, lake_server::Lake};
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use super::{Api, cost, objects, quality, runs, status as to_status, status::status_now, tables};
use crate::{
    actors::{
        envelope::Envelope,
        fleet::Workers,
        gone,
        router::{Apply, Pause, SealAll, Submit},
    },
    ports,
};

/// The most objects in one submission.
const MAX_SUBMIT: usize = 1_000;
/// How often a watched run is looked at.
const RUN_EVERY: Duration = Duration::from_millis(100);
/// The shortest and the longest interval at which a watched status is looked at.
const STATUS_EVERY: (u64, u64) = (50, 60_000);
/// Changes that may be on their way to a slow watcher.
const OUTGOING: usize = 8;

type Answer<T> = Result<Response<T>, Status>;
type Watched<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn answer<T>(result: ports::Result<T>) -> Answer<T> {
    result.map(Response::new).map_err(to_status)
}

#[tonic::async_trait]
impl Lake for Api {
    async fn submit(&self, request: Request<v1::SubmitRequest>) -> Answer<v1::SubmitResponse> {
        answer(self.submitted(request.into_inner()).await)
    }

    async fn apply_pipeline(&self, request: Request<v1::ApplyPipelineRequest>) -> Answer<v1::ApplyPipelineResponse> {
        answer(self.applied(&request.into_inner().pipeline_json).await)
    }

    async fn list_pipelines(&self, _: Request<v1::ListPipelinesRequest>) -> Answer<v1::ListPipelinesResponse> {
        answer(tables::pipelines(&self.shared).await)
    }

    async fn get_run(&self, request: Request<v1::GetRunRequest>) -> Answer<v1::Run> {
        answer(runs::get(&self.shared, &request.into_inner().run).await)
    }

    async fn list_runs(&self, request: Request<v1::ListRunsRequest>) -> Answer<v1::ListRunsResponse> {
        answer(runs::list(&self.shared, request.into_inner()).await)
    }

    type WatchRunStream = Watched<v1::Run>;

    async fn watch_run(&self, request: Request<v1::GetRunRequest>) -> Answer<Self::WatchRunStream> {
        let first = runs::get(&self.shared, &request.into_inner().run).await.map_err(to_status)?;
        let (sender, receiver) = tokio::sync::mpsc::channel(OUTGOING);
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let mut last = first;
            if sender.send(Ok(last.clone())).await.is_err() {
                return;
            }
            while !runs::is_over(&last) && !sender.is_closed() {
                tokio::time::sleep(RUN_EVERY).await;
                match runs::get(&shared, &last.id).await {
                    Ok(run) if run == last => {}
                    Ok(run) => {
                        last = run;
                        if sender.send(Ok(last.clone())).await.is_err() {
                            return;
                        }
                    }
                    Err(failure) => {
                        let _ = sender.send(Err(to_status(failure))).await;
                        return;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn get_object(&self, request: Request<v1::GetObjectRequest>) -> Answer<v1::Object> {
        answer(objects::get(&self.shared, &request.into_inner().object).await)
    }

    async fn list_objects(&self, request: Request<v1::ListObjectsRequest>) -> Answer<v1::ListObjectsResponse> {
        answer(objects::list(&self.shared, request.into_inner()).await)
    }

    async fn get_object_history(&self, request: Request<v1::GetObjectRequest>) -> Answer<v1::ObjectHistory> {
        answer(objects::history(&self.shared, &request.into_inner().object).await)
    }

    async fn get_batch(&self, request: Request<v1::GetBatchRequest>) -> Answer<v1::Batch> {
        answer(runs::batch(&self.shared, &request.into_inner().batch).await)
    }

    async fn list_batches(&self, request: Request<v1::ListBatchesRequest>) -> Answer<v1::ListBatchesResponse> {
        answer(runs::batches(&self.shared, request.into_inner()).await)
    }

    async fn get_table(&self, request: Request<v1::GetTableRequest>) -> Answer<v1::Table> {
        answer(tables::get(&self.shared, &request.into_inner().table).await)
    }

    async fn list_tables(&self, _: Request<v1::ListTablesRequest>) -> Answer<v1::ListTablesResponse> {
        answer(tables::list(&self.shared).await)
    }

    async fn list_workers(&self, _: Request<v1::ListWorkersRequest>) -> Answer<v1::ListWorkersResponse> {
        let workers = match self.actors() {
            Ok(actors) => actors.fleet.send(Envelope::many(Workers)).await.map_err(|_| to_status(gone("fleet")))?,
            Err(_) if self.system.is_none() => Vec::new(),
            Err(failure) => return Err(to_status(failure)),
        };
        Ok(Response::new(v1::ListWorkersResponse { workers }))
    }

    async fn pause_stage(&self, request: Request<v1::StageRequest>) -> Answer<v1::StageResponse> {
        answer(self.set_paused(&request.into_inner().stage, true).await)
    }

    async fn resume_stage(&self, request: Request<v1::StageRequest>) -> Answer<v1::StageResponse> {
        answer(self.set_paused(&request.into_inner().stage, false).await)
    }

    async fn get_cost(&self, request: Request<v1::GetCostRequest>) -> Answer<v1::Cost> {
        answer(cost::get(&self.shared, request.into_inner()).await)
    }

    async fn get_status(&self, _: Request<v1::GetStatusRequest>) -> Answer<v1::Status> {
        answer(status_now(self).await)
    }

    type WatchStatusStream = Watched<v1::Status>;

    async fn watch_status(&self, request: Request<v1::WatchStatusRequest>) -> Answer<Self::WatchStatusStream> {
        let (least, most) = STATUS_EVERY;
        let every = Duration::from_millis(u64::from(request.into_inner().interval_ms).clamp(least, most));
        let (sender, receiver) = tokio::sync::mpsc::channel(OUTGOING);
        let api = self.clone();
        tokio::spawn(async move {
            let mut last: Option<v1::Status> = None;
            while !sender.is_closed() {
                let now = match status_now(&api).await {
                    // A ledger that is away for a while is no news: the next status tells what there is.
                    Err(failure) if failure.retry() == Retry::Backoff => {
                        tracing::debug!(%failure, "the status can't be told just now");
                        tokio::time::sleep(every.max(Duration::from_secs(1))).await;
                        continue;
                    }
                    now => now.map_err(to_status),
                };
                let same = matches!((&now, &last), (Ok(now), Some(last)) if v1::Status { at: 0, ..now.clone() } == v1::Status { at: 0, ..last.clone() });
                if !same {
                    last = now.as_ref().ok().cloned();
                    if sender.send(now).await.is_err() {
                        return;
                    }
                }
                tokio::time::sleep(every).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver).map(|status| status))))
    }

    async fn seal_batches(&self, _: Request<v1::SealBatchesRequest>) -> Answer<v1::SealBatchesResponse> {
        answer(self.sealed().await)
    }

    async fn list_quarantine(&self, request: Request<v1::ListQuarantineRequest>) -> Answer<v1::ListQuarantineResponse> {
        answer(quality::list(&self.shared, request.into_inner()).await)
    }

    async fn release_quarantined(&self, request: Request<v1::ReleaseQuarantinedRequest>) -> Answer<v1::ReleaseQuarantinedResponse> {
        answer(quality::release(self, request.into_inner()).await)
    }

    async fn get_quality_history(&self, request: Request<v1::GetQualityHistoryRequest>) -> Answer<v1::QualityHistory> {
        answer(quality::history(&self.shared, request.into_inner()).await)
    }
}

impl Api {
    async fn submitted(&self, request: v1::SubmitRequest) -> ports::Result<v1::SubmitResponse> {
        if request.objects.len() > MAX_SUBMIT {
            let text = format!("{} objects in one submission; the most is {MAX_SUBMIT}", request.objects.len());
            return Err(Failure::new(FailureCode::InvalidRequest, text).hint("hand them in in several submissions"));
        }
        let keys = request.objects.into_iter().map(|object| object.key).collect();
        let submitted = self.actors()?.router.send(Envelope::many(Submit(keys))).await;
        let outcomes = submitted.map_err(|_| gone("router"))??;
        let object = |outcome: crate::actors::router::SubmitOutcome| match outcome.result {
            Ok((object, new)) => v1::Submitted { key: outcome.key, object: object.to_string(), new, refused: None },
            Err(failure) => v1::Submitted { key: outcome.key, object: String::new(), new: false, refused: Some((&failure).into()) },
        };
        Ok(v1::SubmitResponse { objects: outcomes.into_iter().map(object).collect() })
    }

    async fn applied(&self, json: &str) -> ports::Result<v1::ApplyPipelineResponse> {
        let pipeline: Pipeline = serde_json::from_str(json)
            .map_err(|error| Failure::new(FailureCode::InvalidPipeline, format!("the pipeline can't be read as JSON: {error}")))?;
        if pipeline.stages.is_empty() {
            return Err(Failure::new(FailureCode::InvalidPipeline, format!("the pipeline of {} has no stages", pipeline.dataset)));
        }
        let applied = self.actors()?.router.send(Envelope::many(Apply(Box::new(pipeline)))).await;
        let applied = applied.map_err(|_| gone("router"))??;
        Ok(v1::ApplyPipelineResponse { version: applied.version, changed: applied.changed })
    }

    async fn set_paused(&self, stage: &str, paused: bool) -> ports::Result<v1::StageResponse> {
        let malformed = || Failure::new(FailureCode::InvalidRequest, format!("`{stage}` is not <team>/<dataset>/<stage>"));
        let key = StageKey::parse(stage).ok_or_else(malformed)?;
        let changed = match &self.system {
            Some(system) => {
                system.actors()?.router.send(Envelope::many(Pause { stage: key, paused })).await.map_err(|_| gone("router"))??
            }
            None => {
                tables::stage_exists(&self.shared, &key).await?;
                self.shared.ports.ledger.set_paused(&key, paused).await?
            }
        };
        Ok(v1::StageResponse { paused, changed })
    }

    async fn sealed(&self) -> ports::Result<v1::SealBatchesResponse> {
        let sealed = self.actors()?.router.send(Envelope::many(SealAll)).await;
        Ok(v1::SealBatchesResponse { sealed: sealed.map_err(|_| gone("router"))?? })
    }
}
