//! The record of tables' versions on S3: which there are, reading one, adding one.

use aws_sdk_s3::{Client, config::Builder, error::SdkError, primitives::ByteStream};
use lakegate_coordinator::{ports::Result, versions::VersionRecord};
use lakegate_model::{Failure, FailureCode, Location, layout::INTERNAL, pipeline::Zone, project::Zones, table::TableId};

use crate::{account::Account, failure::failed};

/// Zones that stages write to.
const HOMES: [Zone; 2] = [Zone::Analytics, Zone::Stage];

/// The record of every table: `<zone>/_lakegate/tables/<database>/<table>/v00000001.json`, in the
/// zone the table lies in.
#[derive(Clone, Debug)]
pub(super) struct Records {
    client: Client,
    zones: Zones,
    /// The folders of tables' records, one for each zone on S3.
    homes: Vec<Location>,
}

impl Records {
    /// # Errors
    /// `InvalidRequest` if no table could lie on S3.
    pub(super) fn new(account: &Account, zones: Zones) -> Result<Records> {
        let mut homes = Vec::new();
        for zone in HOMES.map(|zone| zones.location(zone)).into_iter().filter(|zone| zone.s3().is_some()) {
            let home = home(zone);
            if !homes.contains(&home) {
                homes.push(home);
            }
        }
        if homes.is_empty() {
            return Err(Failure::new(FailureCode::InvalidRequest, "a lake whose tables are in Glue must have them on S3, and no zone is")
                .hint("set zones.stage and zones.analytics to s3://bucket/prefix, or the catalog to local:"));
        }
        // An address that is not Amazon's seldom answers to bucket names in front of it.
        let path_style = account.config.endpoint_url().is_some();
        let config = Builder::from(&account.config).force_path_style(path_style).build();
        Ok(Records { client: Client::from_conf(config), zones, homes })
    }

    /// The folder of the record of a table that lies there.
    ///
    /// # Errors
    /// `InvalidRequest` if it lies in no zone that tables are in.
    pub(super) fn folder(&self, id: &TableId, location: &Location) -> Result<Location> {
        let zone = location.s3().and_then(|(bucket, key)| self.zones.of_s3(bucket, key)).map(|(zone, _)| home(self.zones.location(zone)));
        match zone.filter(|home| self.homes.contains(home)) {
            Some(home) => Ok(folder(&home, id)),
            None => {
                let message = format!("table {id} can't be in Glue: {location} is in neither the stage nor the analytics zone on S3");
                Err(Failure::new(FailureCode::InvalidRequest, message).hint("publish to a zone that lies on S3"))
            }
        }
    }

    /// The folder of a table's record and its newest version; `None` if there is no such table.
    pub(super) async fn find(&self, id: &TableId) -> Result<Option<(Location, u64)>> {
        for home in &self.homes {
            let folder = folder(home, id);
            let names = self.list(&folder).await?.files;
            if let Some(newest) = names.iter().filter_map(|name| VersionRecord::version_of(name)).max() {
                return Ok(Some((folder, newest)));
            }
        }
        Ok(None)
    }

    /// Every table, by name.
    pub(super) async fn ids(&self) -> Result<Vec<TableId>> {
        let mut ids = Vec::new();
        for home in &self.homes {
            for database in self.list(home).await?.folders {
                for table in self.list(&home.join(&database)).await?.folders {
                    ids.push(TableId::new(database.clone(), table));
                }
            }
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// One version's record; `None` if there is none such.
    pub(super) async fn read(&self, folder: &Location, version: u64) -> Result<Option<VersionRecord>> {
        let at = folder.join(&VersionRecord::file_name(version));
        let (bucket, key) = place(&at)?;
        let object = match self.client.get_object().bucket(bucket).key(key).send().await {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(failed(FailureCode::Catalog, &format!("read {at}"), &error)),
        };
        let text = object.body.collect().await.map_err(|error| {
            Failure::new(FailureCode::Catalog, format!("could not read {at}: {error}")).hint("check the network; it is tried again")
        })?;
        Ok(Some(VersionRecord::decode(&text.into_bytes(), at.as_str())?))
    }

    /// Adds a version's record, which is there whole or not at all and never changed; false if there
    /// is one of that version already, or may be. This is what publishes.
    pub(super) async fn add(&self, folder: &Location, record: &VersionRecord) -> Result<bool> {
        let at = folder.join(&VersionRecord::file_name(record.version));
        let (bucket, key) = place(&at)?;
        let request = self.client.put_object().bucket(bucket).key(key).if_none_match("*").content_type("application/json");
        match request.body(ByteStream::from(record.encode()?)).send().await {
            Ok(_) => Ok(true),
            // 412: it is there. 409: somebody is writing it just now.
            Err(error) if matches!(status(&error), Some(412 | 409)) => Ok(false),
            Err(error) => Err(failed(FailureCode::Catalog, &format!("write {at}"), &error)),
        }
    }

    /// The names in a folder.
    async fn list(&self, folder: &Location) -> Result<Names> {
        let (bucket, key) = place(folder)?;
        let prefix = format!("{key}/");
        let mut names = Names::default();
        let mut pages = self.client.list_objects_v2().bucket(bucket).prefix(&prefix).delimiter("/").into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(FailureCode::Catalog, &format!("list {folder}/"), &error))?;
            let below = |key: &str| key.strip_prefix(&prefix).map(|name| name.trim_end_matches('/').to_owned());
            names.files.extend(page.contents().iter().filter_map(|object| below(object.key()?)));
            names.folders.extend(page.common_prefixes().iter().filter_map(|folder| below(folder.prefix()?)));
        }
        Ok(names)
    }
}

/// What is in a folder.
#[derive(Debug, Default)]
struct Names {
    files: Vec<String>,
    folders: Vec<String>,
}

fn home(zone: &Location) -> Location {
    zone.join(&format!("{INTERNAL}/tables"))
}

fn folder(home: &Location, id: &TableId) -> Location {
    home.join(&format!("{}/{}", id.database, id.table))
}

fn place(at: &Location) -> Result<(&str, &str)> {
    at.s3().ok_or_else(|| Failure::new(FailureCode::Internal, format!("{at} is not on S3")))
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    Some(error.raw_response()?.status().as_u16())
}
