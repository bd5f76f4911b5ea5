//! Messages to others by way of AWS.

mod buses;
mod portions;
mod queues;
pub(crate) mod topics;

use std::collections::HashMap;

use async_trait::async_trait;
use lakegate_coordinator::ports::{Messenger, Outgoing, Result};
use lakegate_model::{Failure, FailureCode, destination::Destination};
use tokio::sync::Mutex;

use self::{buses::Buses, topics::Topics};
use crate::account::Account;

/// Sends messages to queues of SQS, topics of SNS and buses of EventBridge.
pub struct AwsMessenger {
    account: Account,
    /// The URLs of queues by their names.
    urls: Mutex<HashMap<String, String>>,
    topics: Topics,
    buses: Buses,
}

impl AwsMessenger {
    /// A messenger of this account. Asks for nothing yet.
    pub fn new(account: &Account) -> AwsMessenger {
        AwsMessenger { account: account.clone(), urls: Mutex::default(), topics: Topics::new(account), buses: Buses::new(account) }
    }
}

#[async_trait]
impl Messenger for AwsMessenger {
    async fn send(&self, to: &Destination, messages: &[Outgoing]) -> Vec<Result<()>> {
        match to {
            Destination::Queue(queue) => self.send_to_queue(queue, messages).await,
            Destination::Topic(topic) => self.topics.send(topic, messages).await,
            Destination::Bus(bus) => self.buses.send(bus, messages).await,
            Destination::Webhook(_) => {
                let failure = Failure::new(FailureCode::InvalidRequest, format!("{to} is not reached by way of AWS"));
                messages.iter().map(|_| Err(failure.clone())).collect()
            }
        }
    }
}
