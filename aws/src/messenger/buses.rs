//! Putting events on buses of EventBridge, ten at a time, each with a result of its own. A rule finds
//! them by their source, `lakegate`, their type, `Lakegate Run Ended`, and what `detail` says.

use aws_sdk_eventbridge::{
    Client,
    config::{Builder, Region},
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use lakegate_coordinator::ports::{Outgoing, Result};
use lakegate_model::{Failure, FailureCode};

use super::portions::{for_all, in_portions, region_of_arn};
use crate::{account::Account, failure::failed};

/// Who says it.
const SOURCE: &str = "lakegate";
/// What kind of thing is said.
const DETAIL_TYPE: &str = "Lakegate Run Ended";

/// The buses that events are put on.
pub(super) struct Buses {
    account: Account,
}

impl Buses {
    pub(super) fn new(account: &Account) -> Buses {
        Buses { account: account.clone() }
    }

    pub(super) async fn send(&self, bus: &str, messages: &[Outgoing]) -> Vec<Result<()>> {
        let config = Builder::from(&self.account.config);
        let config = match region_of_arn(bus) {
            Some(region) => config.region(Region::new(region.to_owned())),
            None => config,
        };
        let client = Client::from_conf(config.build());
        in_portions(messages, |portion| put(&client, bus, portion)).await
    }
}

async fn put(client: &Client, bus: &str, messages: &[Outgoing]) -> Vec<Result<()>> {
    let entry = |message: &Outgoing| {
        PutEventsRequestEntry::builder().source(SOURCE).detail_type(DETAIL_TYPE).event_bus_name(bus).detail(&message.body).build()
    };
    let answer = client.put_events().set_entries(Some(messages.iter().map(entry).collect())).send().await;
    match answer {
        Ok(answer) if answer.entries().len() == messages.len() => answer.entries().iter().map(|entry| outcome(bus, entry)).collect(),
        Ok(answer) if answer.failed_entry_count() == 0 => messages.iter().map(|_| Ok(())).collect(),
        Ok(_) => {
            let message = format!("eventbridge://{bus} does not say which events it refused");
            for_all(messages, &Failure::new(FailureCode::Unavailable, message))
        }
        Err(error) => for_all(messages, &failed(FailureCode::Unavailable, &format!("put events on the bus {bus}"), &error)),
    }
}

fn outcome(bus: &str, entry: &PutEventsResultEntry) -> Result<()> {
    let Some(name) = entry.error_code() else { return Ok(()) };
    // What is about the event itself; all else is about the bus, and passes or is mended.
    let is_refused = matches!(name, "InvalidArgument" | "MalformedDetail" | "ValidationException");
    let code = if is_refused { FailureCode::InvalidRequest } else { FailureCode::Unavailable };
    Err(Failure::new(code, format!("eventbridge://{bus} refused an event: {name}: {}", entry.error_message().unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use lakegate_model::Retry;

    use super::*;

    #[test]
    fn an_event_that_is_wrong_is_told_from_a_bus_that_is_busy() {
        let of = |code: Option<&str>| outcome("b", &PutEventsResultEntry::builder().set_error_code(code.map(str::to_owned)).build());
        assert_eq!(of(None), Ok(()));
        assert_eq!(of(Some("MalformedDetail")).unwrap_err().retry(), Retry::Never);
        assert_eq!(of(Some("ThrottlingException")).unwrap_err().retry(), Retry::Backoff);
    }
}
