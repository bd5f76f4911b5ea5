//! Messages to others by way of AWS.

mod queues;

use std::collections::HashMap;

use async_trait::async_trait;
use lakegate_coordinator::ports::{Messenger, Outgoing, Result};
use lakegate_model::{Failure, FailureCode, destination::Destination};
use tokio::sync::Mutex;

use crate::account::Account;

/// Sends messages to queues of SQS.
pub struct AwsMessenger {
    account: Account,
    /// The URLs of queues by their names.
    urls: Mutex<HashMap<String, String>>,
}

impl AwsMessenger {
    /// A messenger of this account. Asks for nothing yet.
    pub fn new(account: &Account) -> AwsMessenger {
        AwsMessenger { account: account.clone(), urls: Mutex::default() }
    }
}

#[async_trait]
impl Messenger for AwsMessenger {
    async fn send(&self, to: &Destination, messages: &[Outgoing]) -> Vec<Result<()>> {
        match to {
            Destination::Queue(queue) => self.send_to_queue(queue, messages).await,
            other => {
                let failure = Failure::new(FailureCode::InvalidRequest, format!("{other} is not reached by way of AWS's queues"));
                messages.iter().map(|_| Err(failure.clone())).collect()
            }
        }
    }
}
