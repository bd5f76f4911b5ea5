//! Crawls are started, awaited, shared and told of rightly: with crawlers that a test moves from state
//! to state, and with those of an emulated AWS.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use lakegate_aws::{Account, AccountOptions, GlueCatalog};
use lakegate_coordinator::ports::TableCatalog as _;
use lakegate_model::{Failure, FailureCode, Location, project::Zones};
use lakegate_tests::kit::{
    moto::{REGION, moto, unique},
    scripted::{Reply, Request, serve},
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

async fn catalog(endpoint: String) -> GlueCatalog {
    let keys = Some(("test".to_owned(), "test".to_owned()));
    let account = Account::load(AccountOptions { region: Some(REGION.to_owned()), endpoint: Some(endpoint), keys }).await;
    let zone = |name: &str| Location::new(format!("s3://lake/{name}"));
    GlueCatalog::open(&account, "", Zones { raw: zone("raw"), stage: zone("stage"), analytics: zone("analytics") }).await.unwrap()
}

/// A crawler whose crawls take so many looks, the last of them while it is stopping.
struct Crawler {
    /// Looks until it is ready again; 0 if it is.
    left: u32,
    length: u32,
    started: u32,
    /// How its crawls end.
    ends: Value,
    last: Value,
    /// What was asked, in order.
    log: Vec<String>,
}

impl Crawler {
    fn ready() -> Crawler {
        Crawler { left: 0, length: 2, started: 0, ends: json!({ "Status": "SUCCEEDED" }), last: Value::Null, log: Vec::new() }
    }

    /// One that runs already, started by somebody else.
    fn running() -> Crawler {
        Crawler { left: 2, ..Crawler::ready() }
    }

    fn answer(&mut self, request: &Request) -> Reply {
        assert_eq!(request.body["Name"], "the lake's");
        self.log.push(request.action.clone());
        match request.action.as_str() {
            "StartCrawler" if self.left > 0 => Reply::error(400, "CrawlerRunningException"),
            "StartCrawler" => {
                self.started += 1;
                self.left = self.length;
                Reply::Answer(200, json!({}))
            }
            "GetCrawler" => {
                let state = match self.left {
                    0 => "READY",
                    1 => "STOPPING",
                    _ => "RUNNING",
                };
                let mut crawler = json!({ "Name": "the lake's", "State": state });
                if !self.last.is_null() {
                    crawler["LastCrawl"] = self.last.clone();
                }
                if self.left == 1 {
                    self.last = self.ends.clone();
                    self.last["MessagePrefix"] = json!(format!("crawl {}", self.started));
                }
                self.left = self.left.saturating_sub(1);
                Reply::Answer(200, json!({ "Crawler": crawler }))
            }
            other => panic!("{other} is not asked of a crawler"),
        }
    }
}

type Shared = Arc<Mutex<Crawler>>;

/// A catalog with this crawler.
async fn with(crawler: Crawler) -> (Arc<GlueCatalog>, Shared) {
    let shared = Arc::new(Mutex::new(crawler));
    let crawler = Arc::clone(&shared);
    let endpoint = serve(move |request| crawler.lock().unwrap().answer(request));
    (Arc::new(catalog(endpoint).await), shared)
}

async fn failure(crawler: Crawler, patience: Duration) -> Failure {
    with(crawler).await.0.crawl("the lake's", patience).await.unwrap_err()
}

#[tokio::test]
async fn a_crawl_is_started_and_waited_for() {
    let (catalog, crawler) = with(Crawler::ready()).await;
    for n in 1..=2 {
        catalog.crawl("the lake's", PATIENCE).await.unwrap();
        let crawler = crawler.lock().unwrap();
        assert_eq!((crawler.started, crawler.left), (n, 0), "it was started once for each, and has ended");
        assert_eq!(crawler.last["MessagePrefix"], format!("crawl {n}"));
    }
}

/// It may have passed our files before they were there.
#[tokio::test]
async fn a_crawl_that_runs_already_is_waited_for_and_another_is_run() {
    let (catalog, crawler) = with(Crawler::running()).await;
    catalog.crawl("the lake's", PATIENCE).await.unwrap();
    let crawler = crawler.lock().unwrap();
    assert_eq!(crawler.started, 1);
    let start = crawler.log.iter().position(|action| action == "StartCrawler").unwrap();
    assert!(start >= 3, "it was not bothered while it ran: {:?}", crawler.log);
    assert_eq!(crawler.last["MessagePrefix"], "crawl 1");
}

/// Between the look and the start.
#[tokio::test]
async fn a_crawl_that_somebody_starts_first_is_not_taken_for_ours() {
    let shared: Shared = Arc::new(Mutex::new(Crawler::ready()));
    let (crawler, refused) = (Arc::clone(&shared), Mutex::new(false));
    let endpoint = serve(move |request| {
        let mut crawler = crawler.lock().unwrap();
        let mut refused = refused.lock().unwrap();
        if request.action == "StartCrawler" && !*refused {
            *refused = true;
            crawler.left = crawler.length;
        }
        crawler.answer(request)
    });
    catalog(endpoint).await.crawl("the lake's", PATIENCE).await.unwrap();
    let crawler = shared.lock().unwrap();
    assert_eq!((crawler.started, crawler.left), (1, 0));
    assert_eq!(crawler.log.iter().filter(|action| *action == "StartCrawler").count(), 2, "{:?}", crawler.log);
}

#[tokio::test]
async fn what_the_crawler_says_of_its_failure_is_told() {
    let ended = |ends: Value| Crawler { ends, ..Crawler::ready() };
    let failed = json!({ "Status": "FAILED", "ErrorMessage": "Service Principal: glue.amazonaws.com is not authorized", "LogGroup": "/aws-glue/crawlers" });
    let told = failure(ended(failed), PATIENCE).await;
    assert_eq!(told.code, FailureCode::Catalog);
    assert_eq!(told.message, "the crawl of crawler the lake's ended as FAILED: Service Principal: glue.amazonaws.com is not authorized");
    assert!(told.hint.contains("/aws-glue/crawlers"), "{told}");
    let told = failure(ended(json!({ "Status": "CANCELLED" })), PATIENCE).await;
    assert!(told.message.ends_with("ended as CANCELLED"), "{told}");
}

/// A crawl before ours that failed is none of ours, nor is its failure.
#[tokio::test]
async fn only_the_crawl_that_was_started_for_it_counts() {
    let old = json!({ "Status": "FAILED", "MessagePrefix": "crawl 0" });
    let (catalog, _) = with(Crawler { last: old, ..Crawler::ready() }).await;
    catalog.crawl("the lake's", PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_crawl_is_not_waited_for_for_ever() {
    let told = failure(Crawler { length: u32::MAX, ..Crawler::ready() }, Duration::from_secs(1)).await;
    assert_eq!(told.code, FailureCode::Timeout);
    assert!(told.message.contains("the lake's") && told.hint.contains("timeout"), "{told}");
    let told = failure(Crawler { left: u32::MAX, ..Crawler::ready() }, Duration::from_secs(1)).await;
    assert_eq!(told.code, FailureCode::Timeout, "one that somebody else runs neither");
}

/// Ten at once: the first has its own crawl, and the nine who asked while it ran share the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_the_same_crawler_shares_a_crawl_that_began_after_all_had_asked() {
    let (catalog, crawler) = with(Crawler { length: 3, ..Crawler::ready() }).await;
    let ask = || {
        let catalog = Arc::clone(&catalog);
        tokio::spawn(async move { catalog.crawl("the lake's", PATIENCE).await })
    };
    let first = ask();
    while crawler.lock().unwrap().started == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let others: Vec<_> = (0..9).map(|_| ask()).collect();
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(crawler.lock().unwrap().started, 2);
}

/// A failure is shared as well, and does not stay.
#[tokio::test]
async fn a_failed_crawl_is_run_again_by_the_next_who_asks() {
    let (catalog, crawler) = with(Crawler { ends: json!({ "Status": "FAILED" }), ..Crawler::ready() }).await;
    catalog.crawl("the lake's", PATIENCE).await.unwrap_err();
    crawler.lock().unwrap().ends = json!({ "Status": "SUCCEEDED" });
    catalog.crawl("the lake's", PATIENCE).await.unwrap();
    assert_eq!(crawler.lock().unwrap().started, 2);
}

/// A process that ended while it waited left its crawl running, which the next process knows nothing of.
#[tokio::test]
async fn a_restarted_coordinator_waits_and_crawls_again() {
    let (first, crawler) = with(Crawler { length: 3, ..Crawler::ready() }).await;
    first.crawl("the lake's", Duration::from_millis(300)).await.unwrap_err();
    assert!(crawler.lock().unwrap().left > 0, "it is still running");
    let next = Arc::clone(&crawler);
    let endpoint = serve(move |request| next.lock().unwrap().answer(request));
    catalog(endpoint).await.crawl("the lake's", PATIENCE).await.unwrap();
    let crawler = crawler.lock().unwrap();
    assert_eq!((crawler.started, crawler.left), (2, 0));
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_told_at_once() {
    for (error, code, part) in [
        ("EntityNotFoundException", FailureCode::NotFound, "there is no crawler \"the lake's\""),
        ("AccessDeniedException", FailureCode::PermissionDenied, "not allowed to look at crawler the lake's"),
    ] {
        let endpoint = serve(move |_| Reply::error(400, error));
        let told = catalog(endpoint).await.crawl("the lake's", PATIENCE).await.unwrap_err();
        assert_eq!(told.code, code, "{told}");
        assert!(told.message.contains(part), "{told}");
    }
}

#[tokio::test]
async fn crawlers_of_an_emulated_account_are_run() {
    let name = unique("crawler");
    let catalog = catalog(moto().endpoint()).await;
    assert_eq!(catalog.crawl(&name, PATIENCE).await.unwrap_err().code, FailureCode::NotFound);
    let targets = json!({ "S3Targets": [{ "Path": "s3://lake/analytics" }] });
    moto().call("AWSGlue.CreateCrawler", &json!({ "Name": name, "Role": "r", "DatabaseName": "nyc", "Targets": targets }));
    catalog.crawl(&name, PATIENCE).await.unwrap();
    let crawls = moto().call("AWSGlue.ListCrawls", &json!({ "CrawlerName": name }));
    assert_eq!(crawls["Crawls"].as_array().map(Vec::len), Some(1), "{crawls}");
}
