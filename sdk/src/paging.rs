//! What to list, and lists that fetch their pages themselves.

use std::{collections::VecDeque, future::Future};

use futures::{Stream, stream};
use lakegate_model::Failure;

/// What to list. The default is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// `team/dataset` or `team/dataset/stage`; empty is all.
    pub within: String,
    /// The name of a state; empty is all. Batches are not filtered by state.
    pub state: String,
    /// How many to fetch at once; 0 leaves it to the coordinator.
    pub page_size: u32,
}

impl Filter {
    /// Only what belongs to `team/dataset` or `team/dataset/stage`.
    pub fn within(within: impl Into<String>) -> Filter {
        Filter { within: within.into(), ..Filter::default() }
    }

    /// Only what is in the state of this name.
    #[must_use]
    pub fn state(mut self, state: impl Into<String>) -> Filter {
        self.state = state.into();
        self
    }

    /// Fetches so many at once: at most 1,000.
    #[must_use]
    pub fn page_size(mut self, size: u32) -> Filter {
        self.page_size = size;
        self
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What gives the next page; empty if this is the last.
    pub next: String,
}

/// Everything on all pages, fetched one page ahead of need at most.
pub(crate) fn all_pages<T, F, Fut>(fetch: F) -> impl Stream<Item = Result<T, Failure>> + Send
where
    T: Send,
    F: Fn(String) -> Fut + Send,
    Fut: Future<Output = Result<Page<T>, Failure>> + Send,
{
    let start = Walk { fetch, ready: VecDeque::new(), next: Some(String::new()) };
    stream::try_unfold(start, |mut walk| async move {
        loop {
            if let Some(item) = walk.ready.pop_front() {
                return Ok(Some((item, walk)));
            }
            let Some(token) = walk.next.take() else { return Ok(None) };
            let page = (walk.fetch)(token).await?;
            walk.ready = page.items.into();
            walk.next = Some(page.next).filter(|token| !token.is_empty());
        }
    })
}

/// Where a walk through pages is: `next` is `None` when the last page has been fetched.
struct Walk<T, F> {
    fetch: F,
    ready: VecDeque<T>,
    next: Option<String>,
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;
    use lakegate_model::FailureCode;

    use super::*;

    #[tokio::test]
    async fn pages_become_one_list_even_when_some_are_empty() {
        let pages = |token: String| async move {
            let (items, next) = match token.as_str() {
                "" => (vec![1, 2], "a"),
                "a" => (vec![], "b"),
                _ => (vec![3], ""),
            };
            Ok(Page { items, next: next.to_owned() })
        };
        let all: Vec<i32> = all_pages(pages).try_collect().await.unwrap();
        assert_eq!(all, [1, 2, 3]);
    }

    #[tokio::test]
    async fn a_page_that_fails_ends_the_list_with_its_failure() {
        let pages = |token: String| async move {
            if token.is_empty() {
                Ok(Page { items: vec![1], next: "a".to_owned() })
            } else {
                Err(Failure::new(FailureCode::Ledger, "disk full"))
            }
        };
        let all: Result<Vec<i32>, Failure> = all_pages(pages).try_collect().await;
        assert_eq!(all.unwrap_err().code, FailureCode::Ledger);
    }
}
