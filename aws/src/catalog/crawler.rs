//! Crawls: a crawler is started and awaited on behalf of those whose files are in their zone.
//!
//! ```text
//!  asked ─► wait for one's turn ─► look until the crawler is READY ─► start ─► look until it is READY again ─► what the crawl came to
//!               │                         ▲                             │
//!               │                         └── somebody else started it ─┘
//!               └─ a crawl that was started after we asked has ended meanwhile: that is ours too
//! ```
//!
//! A crawler runs once at a time, and looks at folders in its own order: a crawl that runs already may
//! have passed the new files. So it is waited for, whoever started it, and only one that was started
//! after the asking counts. No clock is compared with Glue's: what counts is the order of requests.
//!
//! Those who ask while a crawl runs are served by the next one, all together. After a restart the
//! crawl that the former process started is somebody else's: it is waited for, and then run again.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_sdk_glue::{
    Client,
    config::{Builder, retry::RetryConfig},
    types::{CrawlerState, LastCrawlInfo, LastCrawlStatus},
};
use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode};

use super::glue::{TRIES, is};
use crate::{account::Account, backoff, failure::failed};

/// The shortest and the longest wait before a crawler is looked at again. A crawl takes a minute at least.
const SHORTEST_WAIT: Duration = Duration::from_millis(400);
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The crawlers of an account.
#[derive(Debug)]
pub(super) struct Crawlers {
    client: Client,
    known: Mutex<HashMap<String, Arc<Crawler>>>,
}

/// A crawler as this process uses it.
#[derive(Debug, Default)]
struct Crawler {
    /// How many have asked for a crawl so far.
    asked: AtomicU64,
    /// Whose turn it is, and what the last crawl of this process was.
    turn: tokio::sync::Mutex<Option<Crawl>>,
}

/// A crawl that has ended.
#[derive(Clone, Debug)]
struct Crawl {
    /// It is of the first so many who have asked.
    serves: u64,
    came_to: Result<()>,
}

/// What Glue says of a crawler.
#[derive(Debug)]
struct Found {
    is_ready: bool,
    last: Option<LastCrawlInfo>,
}

impl Crawlers {
    pub(super) fn new(account: &Account) -> Crawlers {
        let retry = RetryConfig::standard().with_max_attempts(TRIES).with_max_backoff(Duration::from_secs(10));
        let config = Builder::from(&account.config).retry_config(retry).build();
        Crawlers { client: Client::from_conf(config), known: Mutex::default() }
    }

    /// Runs a crawler and waits for it.
    pub(super) async fn crawl(&self, name: &str, patience: Duration) -> Result<()> {
        let crawler = Arc::clone(self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default());
        let number = crawler.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let trouble = Mutex::new(None);
        let ours = async {
            let mut last = crawler.turn.lock().await;
            if let Some(crawl) = last.as_ref().filter(|crawl| crawl.serves >= number) {
                return crawl.came_to.clone();
            }
            let crawl = self.run(name, &crawler.asked, &trouble).await?;
            last.insert(crawl).came_to.clone()
        };
        tokio::time::timeout(patience, ours).await.unwrap_or_else(|_| {
            let trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
            let trouble = trouble.map_or_else(String::new, |failure: Failure| format!(": {}", failure.message));
            let message = format!("crawler {name} did not end a crawl that began after the files were there within {patience:?}{trouble}");
            Err(Failure::new(FailureCode::Timeout, message).hint(
                "raise `timeout` of the publish step; the crawler's log group, /aws-glue/crawlers, says what it is at. It was not stopped",
            ))
        })
    }

    /// A crawl of ours, from its start to its end. An error is one of starting it. What keeps it from being
    /// looked at is `trouble`, while it lasts.
    async fn run(&self, name: &str, asked: &AtomicU64, trouble: &Mutex<Option<Failure>>) -> Result<Crawl> {
        let (serves, before) = self.start(name, asked).await?;
        tracing::debug!(crawler = name, "crawling");
        let mut looks = 0;
        loop {
            looks += 1;
            tokio::time::sleep(backoff::after(looks, SHORTEST_WAIT, LONGEST_WAIT)).await;
            let found = self.look(name).await;
            *trouble.lock().unwrap_or_else(PoisonError::into_inner) = found.as_ref().err().cloned();
            match found {
                // What was last before it was started may still be told for a moment.
                Ok(Found { is_ready: true, last: Some(last) }) if Some(&last) != before.as_ref() => {
                    return Ok(Crawl { serves, came_to: outcome(name, &last) });
                }
                Ok(_) => {}
                Err(failure) if failure.code == FailureCode::Catalog => {
                    tracing::warn!(crawler = name, %failure, "a crawler can't be looked at; it is tried again");
                }
                Err(failure) => return Ok(Crawl { serves, came_to: Err(failure) }),
            }
        }
    }

    /// Starts it as soon as it can be started. Answers how many had asked by then, and what its last
    /// crawl was before.
    async fn start(&self, name: &str, asked: &AtomicU64) -> Result<(u64, Option<LastCrawlInfo>)> {
        let mut looks = 0;
        loop {
            let found = self.look(name).await?;
            if found.is_ready {
                let serves = asked.load(Ordering::SeqCst);
                match self.client.start_crawler().name(name).send().await {
                    Ok(_) => return Ok((serves, found.last)),
                    // Somebody was first, perhaps a request of ours whose answer was lost.
                    Err(error) if is(&error, "CrawlerRunningException") => {}
                    Err(error) if is(&error, "EntityNotFoundException") => return Err(not_there(name)),
                    Err(error) => return Err(failed(FailureCode::Catalog, &format!("start crawler {name}"), &error)),
                }
            }
            looks += 1;
            tokio::time::sleep(backoff::after(looks, SHORTEST_WAIT, LONGEST_WAIT)).await;
        }
    }

    async fn look(&self, name: &str) -> Result<Found> {
        match self.client.get_crawler().name(name).send().await {
            Ok(answer) => {
                let crawler = answer.crawler.ok_or_else(|| not_there(name))?;
                Ok(Found { is_ready: crawler.state == Some(CrawlerState::Ready), last: crawler.last_crawl })
            }
            Err(error) if is(&error, "EntityNotFoundException") => Err(not_there(name)),
            Err(error) => Err(failed(FailureCode::Catalog, &format!("look at crawler {name}"), &error)),
        }
    }
}

fn not_there(name: &str) -> Failure {
    Failure::new(FailureCode::NotFound, format!("there is no crawler \"{name}\" in Glue, in the region that lakegate uses"))
        .hint("make it in Glue, with the stage's output folder as its target, or correct `publish: { crawler: … }`")
}

/// What a crawl came to.
fn outcome(name: &str, crawl: &LastCrawlInfo) -> Result<()> {
    let status = crawl.status().map_or("nothing", LastCrawlStatus::as_str);
    match status {
        // Glue's history of crawls calls it completed.
        "SUCCEEDED" | "COMPLETED" => Ok(()),
        _ => {
            let why = crawl.error_message().map_or_else(String::new, |message| format!(": {message}"));
            let message = format!("the crawl of crawler {name} ended as {status}{why}");
            let log = [crawl.log_group(), crawl.log_stream(), crawl.message_prefix()].map(Option::unwrap_or_default).join(" ");
            Err(Failure::new(FailureCode::Catalog, message).hint(format!("the crawler's log says more: {log}")))
        }
    }
}
