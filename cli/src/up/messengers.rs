//! Who takes a message to its destination. What is needed for it is made when the first message goes
//! there: most lakes tell nobody.

use std::sync::Arc;

use async_trait::async_trait;
use lakegate_coordinator::ports::{Messenger, Meter, Outgoing, SystemClock};
use lakegate_local::WebhookMessenger;
use lakegate_model::{Failure, destination::Destination};
use tokio::sync::OnceCell;

use super::cloud::Cloud;

/// The messengers of this process.
pub(crate) struct Messengers {
    meter: Meter,
    secret: Option<String>,
    cloud: OnceCell<Arc<dyn Messenger>>,
    webhook: OnceCell<WebhookMessenger>,
}

impl Messengers {
    /// None yet. Requests to AWS are counted; webhooks are signed if there is a secret.
    pub(crate) fn new(meter: Meter, secret: Option<String>) -> Messengers {
        Messengers { meter, secret, cloud: OnceCell::new(), webhook: OnceCell::new() }
    }

    async fn of(&self, to: &Destination) -> Result<&dyn Messenger, Failure> {
        if to.is_on_aws() {
            let cloud = self.cloud.get_or_try_init(|| async { Ok::<_, Failure>(Cloud::counted(self.meter.clone()).await?.messenger()) });
            return cloud.await.map(AsRef::as_ref);
        }
        let webhook = self.webhook.get_or_try_init(|| async { WebhookMessenger::new(self.secret.clone(), Arc::new(SystemClock)) });
        webhook.await.map(|webhook| webhook as &dyn Messenger)
    }
}

#[async_trait]
impl Messenger for Messengers {
    async fn send(&self, to: &Destination, messages: &[Outgoing]) -> Vec<Result<(), Failure>> {
        match self.of(to).await {
            Ok(messenger) => messenger.send(to, messages).await,
            Err(failure) => messages.iter().map(|_| Err(failure.clone())).collect(),
        }
    }
}
