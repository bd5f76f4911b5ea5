//! What the pipelines of a project use of its table catalog, for what makes and examines it.

use std::collections::{BTreeMap, BTreeSet};

use super::Settings;
use crate::{Pipeline, location::Location};

/// What the pipelines of a project use of its table catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// The databases they publish to.
    pub databases: BTreeSet<String>,
    /// The crawlers they start, each with the folders that it is to look through.
    pub crawlers: BTreeMap<String, BTreeSet<Location>>,
    /// The LF-Tags of their tables: values by key.
    pub lf_tags: BTreeMap<String, BTreeSet<String>>,
}

impl Uses {
    /// What these pipelines use with these settings.
    pub fn of<'a>(settings: &Settings, pipelines: impl IntoIterator<Item = &'a Pipeline>) -> Uses {
        let mut uses = Uses::default();
        for pipeline in pipelines {
            for stage in &pipeline.stages {
                if let Some(publish) = stage.publish() {
                    uses.databases.insert(publish.table.database.clone());
                    for (key, value) in settings.lf_tags.iter().chain(&publish.lf_tags) {
                        uses.lf_tags.entry(key.clone()).or_default().insert(value.clone());
                    }
                }
                if let Some(crawl) = stage.crawl() {
                    let folder = settings.zones.location(stage.output.zone).join(&format!("{}/{}", pipeline.dataset, stage.name));
                    uses.crawlers.entry(crawl.crawler.clone()).or_default().insert(folder);
                }
            }
        }
        uses
    }
}
