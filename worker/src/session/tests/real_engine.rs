//! The session with the engine it is made for.

use std::time::Duration;

use lakegate_proto::v1::task_result::Result as Outcome;
use lakegate_telemetry::Tracer;
use tokio::time::timeout;

use super::{
    coordinator::{Coordinator, told},
    message::{parcel_of, task},
    options,
};
use crate::{WorkerOptions, session::run};

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_becomes_parquet_and_a_broken_one_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("good.csv"), "a\n1\n2\n3\n").unwrap();
    std::fs::write(path("other.csv"), "b\n1\n").unwrap();

    let mut coordinator = Coordinator::listen().await;
    let options = WorkerOptions { scratch: folder.path().join("scratch"), ..options(&coordinator, 1) };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = tokio::spawn(run(options, Tracer::disabled(), async move { drop(stopped.await) }));
    let (mut session, _) = coordinator.registered(1000).await;
    session.send(parcel_of(1, vec![task("ex-1", &path("good.csv")), task("ex-2", &path("other.csv"))])).await;

    let good = session.result().await;
    let Some(Outcome::Finished(output)) = &good.result else { panic!("{good:?}") };
    assert_eq!((output.rows_in, output.rows_out, output.files.len()), (3, 3, 1));
    assert!(std::fs::metadata(path("good.csv.parquet")).unwrap().len() > 0);

    let broken = session.result().await;
    assert_eq!(told(&broken), "ex-2: transform_failed");

    drop(stop);
    while session.next_message().await.is_some() {}
    drop(session);
    assert_eq!(timeout(Duration::from_secs(10), worker).await.unwrap().unwrap(), Ok(()));
}
