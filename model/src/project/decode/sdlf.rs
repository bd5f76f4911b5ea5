//! The section `sdlf` of `lakegate.yaml`.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    ids::DatasetId,
    project::{LedgerAddress, sdlf::SdlfTables},
    yaml::Value,
};

/// SDLF keeps an execution's row so long.
const DEFAULT_TTL: Duration = Duration::from_secs(120 * 86_400);
/// What SDLF calls its application and its first environment.
const DEFAULT_APP: &str = "datalake";
const DEFAULT_ENV: &str = "dev";

/// Something that can be switched off.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted<T> {
    Off,
    On(T),
}

/// What one layer tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Whether all of it is on or off; `None` if it says nothing.
    is_on: Option<bool>,
    objects: Option<Wanted<String>>,
    history: Option<Wanted<String>>,
    ttl: Option<Wanted<Duration>>,
    org: Option<String>,
    app: Option<String>,
    env: Option<String>,
    pipelines: Option<BTreeMap<DatasetId, String>>,
}

impl Told {
    /// This layer where `over` says nothing.
    pub(super) fn under(self, over: Told) -> Told {
        Told {
            is_on: over.is_on.or(self.is_on),
            objects: over.objects.or(self.objects),
            history: over.history.or(self.history),
            ttl: over.ttl.or(self.ttl),
            org: over.org.or(self.org),
            app: over.app.or(self.app),
            env: over.env.or(self.env),
            pipelines: over.pipelines.or(self.pipelines),
        }
    }

    /// The tables that go with a ledger; none beside a ledger that is not in DynamoDB.
    pub(super) fn resolve(self, ledger: &LedgerAddress, environment: Option<&str>) -> Option<SdlfTables> {
        let LedgerAddress::DynamoDb(prefix) = ledger else { return None };
        let table = |told: Option<Wanted<String>>, name: &str| match told {
            None => Some(format!("{prefix}-{name}")),
            Some(Wanted::On(name)) => Some(name),
            Some(Wanted::Off) => None,
        };
        let (objects, history) = (table(self.objects, "ObjectMetadata"), table(self.history, "PipelineExecutionHistory"));
        if self.is_on == Some(false) || (objects.is_none() && history.is_none()) {
            return None;
        }
        let ttl = match self.ttl {
            None => Some(DEFAULT_TTL),
            Some(Wanted::On(ttl)) => Some(ttl),
            Some(Wanted::Off) => None,
        };
        Some(SdlfTables {
            objects,
            history,
            ttl,
            org: self.org.unwrap_or_else(|| prefix.clone()),
            app: self.app.unwrap_or_else(|| DEFAULT_APP.to_owned()),
            env: self.env.or_else(|| environment.map(str::to_owned)).unwrap_or_else(|| DEFAULT_ENV.to_owned()),
            pipelines: self.pipelines.unwrap_or_default(),
        })
    }
}

/// Reads the section: `off`, or a mapping.
pub(super) fn read(value: Value<'_>) -> Option<Told> {
    if is_off(&value) {
        return Some(Told { is_on: Some(false), ..Told::default() });
    }
    let fields = value.fields(&["objects", "history", "ttl", "org", "app", "env", "pipelines"], &[])?;
    let text = |name: &str| fields.get(name).and_then(|value| Some(value.filled_text()?.trim().to_owned()));
    Some(Told {
        is_on: Some(true),
        objects: fields.get("objects").and_then(table),
        history: fields.get("history").and_then(table),
        ttl: fields.get("ttl").and_then(|value| if is_off(&value) { Some(Wanted::Off) } else { value.positive_duration().map(Wanted::On) }),
        org: text("org"),
        app: text("app"),
        env: text("env"),
        pipelines: fields.get("pipelines").and_then(pipelines),
    })
}

fn is_off(value: &Value<'_>) -> bool {
    matches!(value.as_text(), Some("off" | "false"))
}

fn table(value: Value<'_>) -> Option<Wanted<String>> {
    if is_off(&value) {
        return Some(Wanted::Off);
    }
    let name = value.filled_text()?;
    if !(3..=255).contains(&name.len()) || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
        let message = format!("`{name}` does not name a DynamoDB table: a name has 3 to 255 letters, digits, `_`, `-` and `.`");
        value.wrong_with(message, "write `octagon-ObjectMetadata-dev`, or `off`");
        return None;
    }
    Some(Wanted::On(name.to_owned()))
}

fn pipelines(value: Value<'_>) -> Option<BTreeMap<DatasetId, String>> {
    let mut named = BTreeMap::new();
    for (dataset, name) in value.entries()? {
        match dataset.split_once('/') {
            Some((team, dataset)) if !(team.is_empty() || dataset.is_empty() || dataset.contains('/')) => {
                named.insert(DatasetId::new(team, dataset), name.filled_text()?.trim().to_owned());
            }
            _ => name.wrong_key(format!("`{dataset}` is not a dataset"), "write the team and the dataset: `engineering/legislators: main`"),
        }
    }
    Some(named)
}
