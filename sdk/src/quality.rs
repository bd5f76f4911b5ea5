//! What the client asks about data quality: what was set aside, and what audits have measured.

use futures::Stream;
use lakegate_model::{Failure, FailureCode};
use lakegate_proto::{convert::Malformed, v1};

use crate::{
    Client, Filter, Page,
    paging::all_pages,
    types::{QualityPoint, Quarantined, Release, Released},
};

impl Client {
    /// One page of what was set aside, of one kind (`rows`, `object`, `unrouted`, `event`) or, if `kind` is
    /// empty, of all: first rows and objects, run by run, then objects that no pipeline takes, then events that
    /// were not understood. An empty token gives the first page; a page may be empty though another follows.
    ///
    /// # Errors
    /// `InvalidRequest` if there is no such kind, and what a call can fail with.
    pub async fn list_quarantine(&self, filter: &Filter, kind: &str, page_token: &str) -> Result<Page<Quarantined>, Failure> {
        let Filter { within, page_size, .. } = filter.clone();
        let request = v1::ListQuarantineRequest { within, kind: kind.to_owned(), page_size, page_token: page_token.to_owned() };
        let page = self.call(request, |mut rpc, request| async move { rpc.list_quarantine(request).await }).await?;
        let items = page.items.into_iter().map(Quarantined::try_from).collect::<Result<_, Malformed>>()?;
        Ok(Page { items, next: page.next_page_token })
    }

    /// All that was set aside, as [`Client::list_quarantine`] orders it, fetched as it is asked for.
    pub fn quarantine(&self, filter: Filter, kind: &str) -> impl Stream<Item = Result<Quarantined, Failure>> + Send + use<> {
        let (client, kind) = (self.clone(), kind.to_owned());
        all_pages(move |token| {
            let (client, filter, kind) = (client.clone(), filter.clone(), kind.clone());
            async move { client.list_quarantine(&filter, &kind, &token).await }
        })
    }

    /// Something that was set aside, by its id or an unambiguous beginning of it.
    ///
    /// # Errors
    /// `NotFound` if nothing of this id was set aside, `InvalidRequest` if several begin so, and what a call
    /// can fail with.
    pub async fn quarantined(&self, id: &str) -> Result<Quarantined, Failure> {
        // What would be released is what there is.
        let found = self.release(&Release::These(vec![id.to_owned()]), true).await?.pop();
        let missing = || Failure::new(FailureCode::NotFound, format!("nothing called {id} was set aside"));
        found.map(|released| released.item).ok_or_else(missing)
    }

    /// Sends what was set aside through its stage once more, by its pipeline as it is now; says what became
    /// of each. What was released before stays as it is. A dry run only says what would be released.
    ///
    /// # Errors
    /// As [`Client::quarantined`].
    pub async fn release(&self, what: &Release, dry_run: bool) -> Result<Vec<Released>, Failure> {
        let request = match what.clone() {
            Release::These(ids) if ids.is_empty() => return Ok(Vec::new()),
            Release::These(ids) => v1::ReleaseQuarantinedRequest { ids, dry_run, ..v1::ReleaseQuarantinedRequest::default() },
            Release::All { within, kind } => v1::ReleaseQuarantinedRequest { ids: Vec::new(), within, kind, dry_run },
        };
        let answer = self.call(request, |mut rpc, request| async move { rpc.release_quarantined(request).await }).await?;
        Ok(answer.items.into_iter().map(Released::try_from).collect::<Result<_, Malformed>>()?)
    }

    /// What the audits of a stage, `team/dataset/stage`, have measured, the newest first: by the rules of one
    /// file, or of any if `ruleset` is empty; at most so many audits, 0 for as many as there are up to 1,000.
    ///
    /// # Errors
    /// `NotFound` if there is no such stage, and what a call can fail with.
    pub async fn quality_history(&self, stage: &str, ruleset: &str, most: u32) -> Result<Vec<QualityPoint>, Failure> {
        let request = v1::GetQualityHistoryRequest { stage: stage.to_owned(), ruleset: ruleset.to_owned(), most };
        let answer = self.call(request, |mut rpc, request| async move { rpc.get_quality_history(request).await }).await?;
        Ok(answer.points.into_iter().map(QualityPoint::from).collect())
    }
}
