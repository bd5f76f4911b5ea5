//! Messages to others by way of AWS.

mod buses;
mod portions;
mod queues;
pub(crate) mod topics;

use async_trait::async_trait;
use lakegate_coordinator::ports::{Messenger, Outgoing, Result};
use lakegate_model::{Failure, FailureCode, destination::Destination};

use self::{buses::Buses, queues::Queues, topics::Topics};
use crate::account::Account;

/// Sends messages to queues of SQS, topics of SNS and buses of EventBridge.
pub struct AwsMessenger {
    queues: Queues,
    topics: Topics,
    buses: Buses,
}

impl AwsMessenger {
    /// A messenger of this account. Asks for nothing yet.
    pub fn new(account: &Account) -> AwsMessenger {
        AwsMessenger { queues: Queues::new(account), topics: Topics::new(account), buses: Buses::new(account) }
    }
}

#[async_trait]
impl Messenger for AwsMessenger {
    async fn send(&self, to: &Destination, messages: &[Outgoing]) -> Vec<Result<()>> {
        match to {
            Destination::Queue(queue) => self.queues.send(queue, messages).await,
            Destination::Topic(topic) => self.topics.send(topic, messages).await,
            Destination::Bus(bus) => self.buses.send(bus, messages).await,
            Destination::Webhook(_) => {
                let failure = Failure::new(FailureCode::InvalidRequest, format!("{to} is not reached by way of AWS"));
                messages.iter().map(|_| Err(failure.clone())).collect()
            }
        }
    }
}
