//! Webhooks: each message by a request of its own.
//!
//! | header | what it is |
//! |---|---|
//! | `Idempotency-Key` | the message's id, the same each time it is sent |
//! | `X-Lakegate-Event` | the kind of message, such as `dead_letter` |
//! | `traceparent` | the trace it belongs to |
//! | `X-Lakegate-Timestamp`, `X-Lakegate-Signature` | seconds since 1970, and `v1=` with the HMAC-SHA256 of `<timestamp>.<body>`, hexadecimal, where there is a secret |
//!
//! Any 2xx means that it was taken. What says that the message is wrong (400, 405, 410, 413, 415, 422) is
//! not sent again; all else is, later. A redirect is not followed: what is said is for the address that
//! was given.

mod signature;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lakegate_coordinator::ports::{Clock, Messenger, Outgoing, Result};
use lakegate_model::{Failure, FailureCode, destination::Destination};
use reqwest::{Client, StatusCode, redirect::Policy};

/// The longest one request may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Posts messages to webhooks.
pub struct WebhookMessenger {
    client: Client,
    secret: Option<String>,
    clock: Arc<dyn Clock>,
}

impl WebhookMessenger {
    /// A messenger. With a secret its requests are signed, at the time of the clock.
    ///
    /// # Errors
    /// `Internal` if there is no TLS to be had.
    pub fn new(secret: Option<String>, clock: Arc<dyn Clock>) -> Result<WebhookMessenger> {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(Policy::none())
            .user_agent(concat!("lakegate/", env!("CARGO_PKG_VERSION")));
        let client =
            client.build().map_err(|error| Failure::new(FailureCode::Internal, format!("no HTTP client for webhooks: {error}")))?;
        Ok(WebhookMessenger { client, secret: secret.filter(|secret| !secret.is_empty()), clock })
    }

    async fn post(&self, url: &str, message: &Outgoing) -> Result<()> {
        let mut request = self.client.post(url).header("Content-Type", "application/json");
        request = request.header("Idempotency-Key", &message.id).header("X-Lakegate-Event", &message.kind);
        if message.trace.is_some() {
            request = request.header("traceparent", message.trace.to_string());
        }
        if let Some(secret) = &self.secret {
            let seconds = (self.clock.now().0 / 1_000).to_string();
            let signature = signature::of(secret.as_bytes(), &[seconds.as_bytes(), b".", message.body.as_bytes()]);
            request = request.header("X-Lakegate-Timestamp", seconds).header("X-Lakegate-Signature", format!("v1={signature}"));
        }
        // The address may hold a key of its own in its query: it is not told.
        let host = host_of(url);
        let answer = request.body(message.body.clone()).send().await.map_err(|error| {
            Failure::new(FailureCode::Unavailable, format!("the webhook at {host} can't be reached: {}", error.without_url()))
        })?;
        judged(answer.status(), host)
    }
}

#[async_trait]
impl Messenger for WebhookMessenger {
    async fn send(&self, to: &Destination, messages: &[Outgoing]) -> Vec<Result<()>> {
        let mut answers: Vec<Result<()>> = Vec::with_capacity(messages.len());
        let Destination::Webhook(url) = to else {
            let failure = Failure::new(FailureCode::InvalidRequest, format!("{to} is no webhook"));
            return messages.iter().map(|_| Err(failure.clone())).collect();
        };
        for message in messages {
            let answer = self.post(url, message).await;
            // One that can't be reached is not asked as often as there are messages.
            if let Err(failure) = &answer
                && failure.retry() != lakegate_model::Retry::Never
            {
                let failure = failure.clone();
                answers.resize_with(messages.len(), || Err(failure.clone()));
                return answers;
            }
            answers.push(answer);
        }
        answers
    }
}

/// What an answer means.
fn judged(status: StatusCode, host: &str) -> Result<()> {
    if status.is_success() {
        return Ok(());
    }
    let message = format!("the webhook at {host} answered {status}");
    let failure = match status.as_u16() {
        400 | 405 | 410 | 413 | 415 | 422 => Failure::new(FailureCode::InvalidRequest, message),
        300..=399 => Failure::new(FailureCode::Unavailable, message).hint("name the address that it redirects to: none is followed"),
        _ => Failure::new(FailureCode::Unavailable, message),
    };
    Err(failure)
}

/// The host of a URL, with its port.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    host.rsplit_once('@').map_or(host, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use lakegate_model::Retry;

    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let of = |code: u16| judged(StatusCode::from_u16(code).unwrap(), "h").map_err(|failure| failure.retry());
        for code in [200, 202, 204] {
            assert_eq!(of(code), Ok(()));
        }
        for code in [400, 410, 413, 422] {
            assert_eq!(of(code), Err(Retry::Never), "{code}");
        }
        for code in [301, 307, 401, 404, 408, 429, 500, 503] {
            assert_eq!(of(code), Err(Retry::Backoff), "{code}");
        }
    }

    #[test]
    fn of_an_address_only_the_host_is_told() {
        for url in ["https://x.org/hook?key=secret", "https://user:secret@x.org", "https://x.org#a"] {
            assert_eq!(host_of(url), "x.org");
        }
        assert_eq!(host_of("http://127.0.0.1:80/a"), "127.0.0.1:80");
    }
}
