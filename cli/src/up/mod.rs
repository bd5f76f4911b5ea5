//! Running a lake in this process: `up`, `coordinator` and `demo`.

pub(crate) mod cloud;
pub(crate) mod compose;
pub(crate) mod endpoint;
pub(crate) mod messengers;
pub(crate) mod progress;
pub(crate) mod session;
pub(crate) mod signals;
pub(crate) mod summary;
pub(crate) mod until_idle;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _},
    pin::pin,
    str::FromStr,
    time::{Duration, Instant},
};

use futures::TryStreamExt as _;
use lakegate_model::{Failure, FailureCode, Retry};
use lakegate_sdk::Status;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::{
    context::Context,
    error::{CliError, Result},
    output::{Output, text::counted},
    project::Project,
};
use progress::Progress;
use session::Session;
use signals::Signals;
use summary::Summary;
use until_idle::{Verdict, judge, same_work};

/// At most so often the status is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long is waited before a ledger that is away is asked again.
const AWAY: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where the coordinator listens.
    pub(crate) listen: SocketAddr,
    /// Whether an address that other machines reach is all right.
    pub(crate) insecure: bool,
    /// Workers in this process.
    pub(crate) workers: usize,
    /// Slots of each; `None` shares the cores among them.
    pub(crate) slots: Option<usize>,
    /// Whether to stop when nothing is left to do.
    pub(crate) until_idle: bool,
}

/// An address to listen on, as HOST:PORT, :PORT or PORT.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address(pub(crate) SocketAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Address, String> {
        if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
            return Ok(Address(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)));
        }
        let found = text.to_socket_addrs().map_err(|error| format!("{error}; write HOST:PORT or PORT"))?.next();
        found.map(Address).ok_or_else(|| "no such host".to_owned())
    }
}

/// What a program is told once the lake runs.
#[derive(Serialize)]
struct Ready<'a> {
    event: &'static str,
    endpoint: &'a str,
    raw: &'a str,
    pid: u32,
}

/// What a program is told when the work is over.
#[derive(Serialize)]
struct Finished<'a> {
    event: &'static str,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// How the work of a session ended.
pub(crate) enum Ended {
    /// Nothing is left, or nothing can go on; this is what was done.
    Finished(Box<Summary>),
    /// Somebody asked for it.
    Interrupted,
}

/// Runs a project until it is told to stop, or until nothing is left to do.
pub(crate) async fn run(context: &Context, project: &Project, plan: &Plan) -> Result<()> {
    let out = &context.out;
    let mut signals = Signals::listen()?;
    let mut session = Session::start(project, plan).await?;
    announce(out, project, plan, &session)?;
    let ended = work(out, &mut session, &mut signals, plan.until_idle).await;
    stop(out, session, &mut signals).await;
    match ended? {
        Ended::Interrupted if plan.until_idle => Err(Failure::new(FailureCode::Cancelled, "interrupted before the work was done")
            .hint("start it again: it goes on where it stopped")
            .into()),
        Ended::Interrupted => Ok(()),
        Ended::Finished(summary) => {
            out.line_for_programs(&Finished { event: "finished", summary: &summary })?;
            out.say(format_args!("\n{}", summary.text(out)))?;
            if summary.ok { Ok(()) } else { Err(CliError::Unmet) }
        }
    }
}

fn announce(out: &Output, project: &Project, plan: &Plan, session: &Session) -> Result<()> {
    let raw = project.settings.zones.raw.path().unwrap_or(project.settings.zones.raw.as_str());
    let endpoint = session.client.endpoint();
    out.line_for_programs(&Ready { event: "ready", endpoint, raw, pid: std::process::id() })?;
    let pipelines = counted(project.pipelines.len() as u64, "pipeline");
    out.say(format_args!("{} at {endpoint}, {pipelines}", "The lake is up".bold()))?;
    if plan.until_idle {
        return Ok(());
    }
    if let Some((_, pipeline)) = project.pipelines.first() {
        out.say(format_args!("  drop files into {raw}/{}/", pipeline.dataset))?;
    } else {
        out.say(format_args!("  files land in {raw}; there is no pipeline yet: add one to pipelines/"))?;
    }
    if plan.workers == 0 {
        out.say(format_args!("  workers join with: lakegate worker --coordinator {endpoint}"))?;
    }
    out.say("  Ctrl-C stops it\n")
}

/// Watches until the work ends, somebody asks to stop, or something gives up.
pub(crate) async fn work(out: &Output, session: &mut Session, signals: &mut Signals, until_idle: bool) -> Result<Ended> {
    let client = session.client.clone();
    let baseline = session.baseline.clone();
    let mut progress = Progress::new(out, &baseline);
    let since = status_of(&client).await?.at;
    let begun = Instant::now();
    let ended = tokio::select! {
        settled = follow(&client, &mut progress, until_idle) => match settled {
            Ok((status, stuck)) => Summary::of(&client, &baseline, &status, since, stuck, begun.elapsed()).await.map(|summary| Ended::Finished(Box::new(summary))),
            Err(error) => Err(error),
        },
        failure = session.failed() => Err(failure.into()),
        () = signals.next() => Ok(Ended::Interrupted),
    };
    progress.finish();
    ended
}

/// Shows statuses for ever, or until nothing is left to do; then the last one, and what is stuck.
async fn follow(client: &lakegate_sdk::Client, progress: &mut Progress, until_idle: bool) -> Result<(Status, Vec<String>)> {
    let mut changes = pin!(client.watch_status(LOOK_EVERY).await?);
    let mut sealed_nothing = false;
    loop {
        let Some(mut status) = changes.try_next().await? else {
            return Err(Failure::new(FailureCode::Unavailable, "the coordinator stopped telling its status").into());
        };
        progress.update(&status);
        sealed_nothing &= judge(&status) != Verdict::Working;
        // Something may be in flight between two counters: only what stays the same has settled.
        while until_idle && judge(&status) != Verdict::Working {
            tokio::time::sleep(LOOK_EVERY).await;
            let later = status_of(client).await?;
            progress.update(&later);
            let settled = same_work(&status, &later);
            status = later;
            if !settled {
                continue;
            }
            match judge(&status) {
                Verdict::Working => sealed_nothing = false,
                Verdict::Idle => return Ok((status, Vec::new())),
                Verdict::Stuck(reasons) => return Ok((status, reasons)),
                Verdict::Sealable if sealed_nothing => return Ok((status, vec!["open batches that can't be sealed".to_owned()])),
                Verdict::Sealable => sealed_nothing = client.seal_batches().await? == 0,
            }
        }
    }
}

/// The status, and as long as the ledger is away nothing: work goes on when it is back.
async fn status_of(client: &lakegate_sdk::Client) -> Result<Status> {
    loop {
        match client.status().await {
            Err(failure) if failure.retry() == Retry::Backoff => tokio::time::sleep(AWAY).await,
            told => return Ok(told?),
        }
    }
}

/// Stops in order; a second signal stops at once.
pub(crate) async fn stop(out: &Output, session: Session, signals: &mut Signals) {
    tokio::select! {
        late = session.shutdown() => {
            if !late.is_empty() {
                out.note(format_args!("did not stop in time: {}; nothing is lost, the ledger has it", late.join(", ")));
            }
        }
        () = signals.next() => out.note("stopped at once; what was under way is done again at the next start"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_port_or_a_host_and_a_port() {
        for (text, address) in [("7447", "127.0.0.1:7447"), (":0", "127.0.0.1:0"), ("0.0.0.0:80", "0.0.0.0:80"), ("[::1]:5", "[::1]:5")] {
            assert_eq!(text.parse::<Address>().unwrap().0.to_string(), address);
        }
        for text in ["", "localhost", "127.0.0.1", "99999", "a:b"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
