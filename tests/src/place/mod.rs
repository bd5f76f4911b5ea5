//! Places of the contracts' adapters on AWS.

pub mod glue;

use lakegate_aws::{Account, AccountOptions};

use crate::kit::moto::REGION;

/// The emulated account, at its own address or by way of a server in front of it.
pub async fn account(endpoint: String) -> Account {
    let keys = Some(("test".to_owned(), "test".to_owned()));
    Account::load(AccountOptions { region: Some(REGION.to_owned()), endpoint: Some(endpoint), keys }).await
}
