//! Who takes a message to its destination.

use std::sync::Arc;

use async_trait::async_trait;
use lakegate_coordinator::ports::{Messenger, Outgoing};
use lakegate_model::{Failure, FailureCode, destination::Destination};

/// The messengers of this process.
pub(crate) struct Messengers {
    /// Who reaches what is on AWS, where anything of the lake is.
    pub(crate) cloud: Option<Arc<dyn Messenger>>,
}

#[async_trait]
impl Messenger for Messengers {
    async fn send(&self, to: &Destination, messages: &[Outgoing]) -> Vec<Result<(), Failure>> {
        match &self.cloud {
            Some(cloud) if to.is_on_aws() => cloud.send(to, messages).await,
            _ => {
                let failure = Failure::new(FailureCode::Unavailable, format!("nothing here reaches {to}"))
                    .hint("a lake that is nowhere on AWS reaches no queue: name its zones, ledger or events there in lakegate.yaml");
                messages.iter().map(|_| Err(failure.clone())).collect()
            }
        }
    }
}
