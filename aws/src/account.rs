//! Whose AWS: credentials, region and endpoint, by the standard chain of the AWS tools.

use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use lakegate_coordinator::ports::Meter;
use std::time::Duration;

use crate::meter::counting;

/// How long one try of one request may take; longer than the 20 seconds of a long poll.
const TRY_TIMEOUT: Duration = Duration::from_secs(40);

/// What is said here instead of by the environment, the profile or the machine.
#[derive(Clone, Debug, Default)]
pub struct AccountOptions {
    /// The region.
    pub region: Option<String>,
    /// Where every service is: an emulator's address.
    pub endpoint: Option<String>,
    /// An access key and its secret.
    pub keys: Option<(String, String)>,
}

/// An AWS account, as the adapters reach it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) config: SdkConfig,
    pub(crate) meter: Meter,
}

impl Account {
    /// Reads the standard chain: `AWS_*` variables, `~/.aws`, the machine's role. Asks for no
    /// credentials yet.
    pub async fn load(options: AccountOptions) -> Account {
        Account::counted(options, Meter::default()).await
    }

    /// The same, with all requests counted on a meter.
    pub async fn counted(options: AccountOptions, meter: Meter) -> Account {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let http = counting(http, meter.clone());
        let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).operation_attempt_timeout(TRY_TIMEOUT).build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts);
        if let Some(region) = options.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(endpoint) = options.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some((key, secret)) = options.keys {
            loader = loader.credentials_provider(SharedCredentialsProvider::new(Credentials::new(key, secret, None, None, "options")));
        }
        Account { config: loader.load().await, meter }
    }
}
