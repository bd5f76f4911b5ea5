//! Finding the lake: the coordinator that was named, the one that runs on the project, or, if none
//! does, one of our own that only answers.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use lakegate_coordinator::Running;
use lakegate_model::{Failure, FailureCode, project::LedgerAddress};
use lakegate_sdk::{Client, Options};
use lakegate_telemetry::Tracer;
use tokio::time::{Instant, sleep};

use crate::{
    context::Context,
    error::{CliError, Result, at_path},
    up::compose,
};

/// How long a coordinator that holds the ledger is given to begin answering, or to let go.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long our own coordinator is given to stop.
const STOP: Duration = Duration::from_secs(5);

/// Where the project's coordinator writes its endpoint.
pub(crate) fn endpoint_file(project: &Path) -> PathBuf {
    project.join(".lakegate").join("endpoint")
}

/// A connection to the lake, with the coordinator that was started for it, if any.
pub(crate) struct Lake {
    client: Client,
    embedded: Option<Running>,
}

/// Runs a command's work on the lake, wherever it is found.
pub(crate) async fn with_lake<T>(context: &Context, work: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
    with_found(context, async |client, _| work(client).await).await
}

/// As `with_lake`; the work is also told whether a coordinator runs on the lake, or only answers for this command.
pub(crate) async fn with_found<T>(context: &Context, work: impl AsyncFnOnce(&Client, bool) -> Result<T>) -> Result<T> {
    let lake = Lake::find(context).await?;
    let result = work(&lake.client, lake.embedded.is_none()).await;
    lake.close().await;
    result
}

/// As `with_lake`, but `None` if no coordinator runs: for what only a running lake can do.
pub(crate) async fn running(context: &Context) -> Result<Option<Client>> {
    if let Some(endpoint) = context.global.endpoint() {
        return Ok(Some(connect(&endpoint).await?));
    }
    let Some(endpoint) = written_endpoint(&context.dir()?)? else { return Ok(None) };
    match connect(&endpoint).await {
        Ok(client) => Ok(Some(client)),
        // What a coordinator left behind that had no time to remove it.
        Err(failure) if failure.code == FailureCode::Unavailable => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// The failure of a command that needs a running lake.
pub(crate) fn nobody_runs(context: &Context) -> CliError {
    let dir = context.global.dir.display();
    Failure::new(FailureCode::Unavailable, format!("no coordinator runs on the lake in {dir}"))
        .hint("start it with `lakegate up`, or name another with --endpoint")
        .into()
}

impl Lake {
    async fn find(context: &Context) -> Result<Lake> {
        if let Some(endpoint) = context.global.endpoint() {
            return Ok(Lake { client: connect(&endpoint).await?, embedded: None });
        }
        let dir = context.dir()?;
        let settings = context.settings()?;
        // Nothing on this machine holds a ledger that lies elsewhere, and opening one reads much of it:
        // whoever answers is taken at his word.
        if !matches!(settings.ledger, LedgerAddress::Sqlite(_))
            && let Some(client) = running(context).await?
        {
            return Ok(Lake { client, embedded: None });
        }
        let deadline = Instant::now() + PATIENCE;
        // Holding the ledger is what tells whether a coordinator runs: an endpoint file may be stale,
        // and its port somebody else's by now.
        loop {
            let held = match compose::serve_only(&settings, Tracer::disabled()).await {
                Ok(coordinator) => {
                    let client = connect(&format!("http://{}", coordinator.address())).await?;
                    return Ok(Lake { client, embedded: Some(coordinator) });
                }
                Err(failure) if failure.code == FailureCode::Conflict => failure,
                Err(failure) => return Err(failure.into()),
            };
            if let Some(endpoint) = written_endpoint(&dir)?
                && let Ok(client) = connect(&endpoint).await
            {
                return Ok(Lake { client, embedded: None });
            }
            if Instant::now() >= deadline {
                return Err(held.into());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn close(self) {
        drop(self.client);
        if let Some(coordinator) = self.embedded {
            coordinator.shutdown(STOP).await;
        }
    }
}

/// Connects without insisting: whoever typed the command is waiting.
async fn connect(endpoint: &str) -> std::result::Result<Client, Failure> {
    Client::connect_with(endpoint, Options { attempts: 2, ..Options::default() }).await
}

/// The endpoint that the project's coordinator wrote down.
pub(crate) fn written_endpoint(project: &Path) -> Result<Option<String>> {
    let path = endpoint_file(project);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at_path(&path, "read", &error).into()),
    }
}
