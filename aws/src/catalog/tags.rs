//! LF-Tags: what a table is, in words that Lake Formation grants access by.

use std::collections::BTreeMap;

use aws_sdk_lakeformation::{
    Client,
    types::{LfTagError, LfTagPair, Resource, TableResource},
};
use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode, table::TableId};

use super::entry::{database_name, table_name};
use crate::{account::Account, failure::failed};

/// What to do about a tag that Lake Formation refuses.
const HINT: &str = "make the tag and its value in Lake Formation (`aws lakeformation create-lf-tag`), and let the role that \
                    lakegate runs with do lakeformation:AddLFTagsToResource, with ASSOCIATE on the tag and the tables' database";

/// Lake Formation, for the tables in databases that start so.
#[derive(Clone, Debug)]
pub(super) struct Tags {
    client: Client,
    prefix: String,
    defaults: BTreeMap<String, String>,
}

impl Tags {
    pub(super) fn new(account: &Account, prefix: String) -> Tags {
        Tags { client: Client::new(&account.config), prefix, defaults: BTreeMap::new() }
    }

    /// With these where nothing else is said.
    pub(super) fn defaulting(self, defaults: BTreeMap<String, String>) -> Tags {
        Tags { defaults, ..self }
    }

    /// What a table is to have that is to have these.
    pub(super) fn with_defaults(&self, tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut all = self.defaults.clone();
        all.extend(tags.clone());
        all
    }

    /// Gives a table these tags. Another value of the same tag is replaced; other tags are left. Doing
    /// it again changes nothing.
    pub(super) async fn put(&self, id: &TableId, tags: &BTreeMap<String, String>) -> Result<()> {
        let (database, table) = (database_name(&self.prefix, id), table_name(id));
        let what = format!("give Glue table {database}.{table} its LF-Tags");
        let undescribed = |error: &dyn std::fmt::Display| Failure::new(FailureCode::Internal, format!("could not {what}: {error}"));
        let resource = TableResource::builder().database_name(&database).name(&table).build().map_err(|error| undescribed(&error))?;
        let pairs = tags.iter().map(|(key, value)| LfTagPair::builder().tag_key(key).tag_values(value).build());
        let pairs = pairs.collect::<std::result::Result<Vec<_>, _>>().map_err(|error| undescribed(&error))?;
        let request = self.client.add_lf_tags_to_resource().resource(Resource::builder().table(resource).build()).set_lf_tags(Some(pairs));
        let answer = request.send().await.map_err(|error| failed(FailureCode::Catalog, &what, &error).hint(HINT))?;
        let refused: Vec<String> = answer.failures().iter().map(refusal).collect();
        if refused.is_empty() {
            return Ok(());
        }
        Err(Failure::new(FailureCode::Catalog, format!("could not {what}: {}", refused.join("; "))).hint(HINT))
    }
}

fn refusal(refused: &LfTagError) -> String {
    let tag = refused.lf_tag().map_or_else(String::new, |tag| format!("{} = {}", tag.tag_key(), tag.tag_values().join(", ")));
    let error = refused.error();
    let [code, message] =
        [error.and_then(|error| error.error_code()), error.and_then(|error| error.error_message())].map(Option::unwrap_or_default);
    format!("{tag}: {code}: {message}")
}
