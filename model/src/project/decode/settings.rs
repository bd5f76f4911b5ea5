//! Reads `lakegate.yaml`. What is told later wins: defaults, the file, the environment, overrides;
//! only what won is taken for an address, so that an environment for elsewhere does no harm here.

use std::{collections::BTreeMap, time::Duration};

use super::{
    address::{Addresses, queue, refused, scheme},
    sdlf,
};
use crate::{
    diagnostics::{Diagnostic, Place, nearest},
    location::Location,
    notify::{TeamNotices, decode::notify},
    pipeline::decode::lf_tags,
    project::{CatalogAddress, EventSourceAddress, Settings, Zones},
    yaml::{Document, Fields, Report, Value},
};

/// What the command line or the process environment says instead of the file. Paths are relative
/// to the project's folder, as in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The ledger's address.
    pub ledger: Option<String>,
    /// The table catalog's address.
    pub catalog: Option<String>,
    /// Where the raw zone lies.
    pub raw: Option<String>,
    /// Where the stage zone lies.
    pub stage: Option<String>,
    /// Where the analytics zone lies.
    pub analytics: Option<String>,
}

/// What settings are read from.
#[derive(Clone, Copy, Debug)]
pub struct SettingsSource<'a> {
    /// The project's folder as an absolute path.
    pub folder: &'a str,
    /// The file's name, for diagnostics.
    pub file: &'a str,
    /// The file's content; `None` if there is no file.
    pub text: Option<&'a str>,
    /// The environment whose settings are laid over the file's.
    pub environment: Option<&'a str>,
    /// What is laid over both.
    pub overrides: &'a Overrides,
}

const DEFAULT_SETTLE: Duration = Duration::from_millis(250);

/// An address as it was told, and where.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) text: String,
    pub(super) place: Place,
}

/// What one layer tells.
#[derive(Clone, Debug, Default)]
struct Layer {
    raw: Option<Told>,
    stage: Option<Told>,
    analytics: Option<Told>,
    ledger: Option<Told>,
    catalog: Option<Told>,
    events: Option<Vec<ToldEvent>>,
    teams: Option<TeamNotices>,
    lf_tags: Option<BTreeMap<String, String>>,
    sdlf: Option<sdlf::Told>,
}

#[derive(Clone, Debug)]
enum ToldEvent {
    Watch(Duration, Place),
    Other(Told),
}

/// Reads a project's settings.
pub fn decode_settings(source: SettingsSource<'_>) -> Result<Settings, Vec<Diagnostic>> {
    let text = source.text.unwrap_or_default();
    let report = Report::new(source.file, text);
    let mut layer = defaults();
    if let Some(document) = Document::parse(text, &report) {
        layer = read(document.root(&report), source, &report, layer);
    }
    let resolved = resolve(&Addresses { folder: source.folder }, layer.under(overrides(source.overrides)), source.environment, &report);
    let found = report.finish();
    match resolved {
        Some(settings) if found.is_empty() => Ok(settings),
        _ => Err(found),
    }
}

fn read(root: Value<'_>, source: SettingsSource<'_>, report: &Report<'_>, below: Layer) -> Layer {
    let keys = ["zones", "ledger", "catalog", "events", "teams", "lf_tags", "sdlf", "environments"];
    let Some(fields) = root.fields(&keys, &[]) else { return below };
    let mut layer = below.under(layer_of(&fields));
    let environments = fields.get("environments").and_then(|value| value.entries()).unwrap_or_default();
    let mut found = source.environment.is_none();
    for (name, value) in &environments {
        // Every environment is read, so that a misspelt key shows before the day it is needed.
        let Some(fields) = value.fields(&["zones", "ledger", "catalog", "events", "teams", "lf_tags", "sdlf"], &[]) else { continue };
        let over = layer_of(&fields);
        if source.environment == Some(*name) {
            found = true;
            layer = layer.under(over);
        }
    }
    if let Some(wanted) = source.environment.filter(|_| !found && !environments.iter().any(|(name, _)| Some(*name) == source.environment)) {
        let names: Vec<&str> = environments.iter().map(|(name, _)| *name).collect();
        let hint = match nearest(wanted, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => format!("`{}` has no `environments`", source.file),
            None => format!("there are: {}", names.join(", ")),
        };
        report.add(Diagnostic::new(Place::whole(source.file), format!("there is no environment `{wanted}`")).hint(hint));
    }
    layer
}

impl Layer {
    /// This layer where `over` says nothing.
    fn under(self, over: Layer) -> Layer {
        Layer {
            raw: over.raw.or(self.raw),
            stage: over.stage.or(self.stage),
            analytics: over.analytics.or(self.analytics),
            ledger: over.ledger.or(self.ledger),
            catalog: over.catalog.or(self.catalog),
            events: over.events.or(self.events),
            teams: over.teams.or(self.teams),
            lf_tags: over.lf_tags.or(self.lf_tags),
            sdlf: match (self.sdlf, over.sdlf) {
                (Some(told), Some(over)) => Some(told.under(over)),
                (told, over) => over.or(told),
            },
        }
    }
}

fn defaults() -> Layer {
    let told = |text: &str| Some(Told { text: text.to_owned(), place: Place::whole("the defaults") });
    Layer {
        raw: told("./lake/raw"),
        stage: told("./lake/stage"),
        analytics: told("./lake/analytics"),
        ledger: told("sqlite:.lakegate/ledger.db"),
        catalog: told("local:.lakegate/catalog"),
        events: Some(vec![ToldEvent::Watch(DEFAULT_SETTLE, Place::whole("the defaults"))]),
        teams: None,
        lf_tags: None,
        sdlf: None,
    }
}

fn overrides(overrides: &Overrides) -> Layer {
    let told = |name: &str, text: &Option<String>| {
        let place = Place::whole(format!("--{name} or LAKEGATE_{}", name.to_uppercase()));
        text.clone().map(|text| Told { text, place })
    };
    Layer {
        raw: told("raw", &overrides.raw),
        stage: told("stage", &overrides.stage),
        analytics: told("analytics", &overrides.analytics),
        ledger: told("ledger", &overrides.ledger),
        catalog: told("catalog", &overrides.catalog),
        events: None,
        teams: None,
        lf_tags: None,
        sdlf: None,
    }
}

fn layer_of(fields: &Fields<'_>) -> Layer {
    let told = |value: Value<'_>| Some(Told { text: value.filled_text()?.trim().to_owned(), place: value.place() });
    let zones = fields.get("zones").and_then(|zones| zones.fields(&["raw", "stage", "analytics"], &[]));
    let zone = |name: &str| zones.as_ref().and_then(|zones| zones.get(name)).and_then(told);
    Layer {
        raw: zone("raw"),
        stage: zone("stage"),
        analytics: zone("analytics"),
        ledger: fields.get("ledger").and_then(told),
        catalog: fields.get("catalog").and_then(told),
        events: fields.get("events").and_then(events),
        teams: fields.get("teams").and_then(teams),
        lf_tags: fields.get("lf_tags").and_then(lf_tags),
        sdlf: fields.get("sdlf").and_then(sdlf::read),
    }
}

/// `{ <team>: { notify: [ { on: …, to: … } ] } }`
fn teams(value: Value<'_>) -> Option<TeamNotices> {
    let mut teams = TeamNotices::new();
    for (name, value) in value.entries()? {
        let notices = value.fields(&["notify"], &[])?.require("notify")?.list()?;
        teams.insert(name.to_owned(), notices.into_iter().filter_map(notify).collect());
    }
    Some(teams)
}

fn events(value: Value<'_>) -> Option<Vec<ToldEvent>> {
    let told: Vec<Option<ToldEvent>> = value.list()?.into_iter().map(event).collect();
    let watches = told.iter().filter(|event| matches!(event, Some(ToldEvent::Watch(..)))).count();
    if watches > 1 {
        value.wrong("the raw zone is watched once: `watch` stands here twice");
    }
    told.into_iter().collect()
}

fn event(value: Value<'_>) -> Option<ToldEvent> {
    if value.is_mapping() {
        let fields = value.fields(&["watch"], &[])?.require("watch")?.fields(&["settle"], &[])?;
        let settle = fields.get("settle").and_then(|settle| settle.duration());
        return Some(ToldEvent::Watch(settle.unwrap_or(DEFAULT_SETTLE), value.place()));
    }
    let text = value.filled_text()?;
    if scheme(text).is_some() {
        return Some(ToldEvent::Other(Told { text: text.to_owned(), place: value.place() }));
    }
    value.one_of(&[("watch", ())])?;
    Some(ToldEvent::Watch(DEFAULT_SETTLE, value.place()))
}

fn resolve(addresses: &Addresses<'_>, layer: Layer, environment: Option<&str>, report: &Report<'_>) -> Option<Settings> {
    let zones = [("raw", layer.raw), ("stage", layer.stage), ("analytics", layer.analytics)];
    let zones = zones.map(|(name, told)| {
        let told = told?;
        Some((name, noted(report, addresses.zone(&told))?, told.place))
    });
    check_apart(&zones, report);
    check_alike(&zones, report);
    let catalog_place = layer.catalog.as_ref().map(|told| told.place.clone());
    let ledger = layer.ledger.and_then(|told| noted(report, addresses.ledger(&told)));
    let catalog = layer.catalog.and_then(|told| noted(report, addresses.catalog(&told)));
    let events: Vec<Option<(EventSourceAddress, Place)>> =
        layer.events.unwrap_or_default().into_iter().map(|event| source_of(event, report)).collect();
    let [raw, stage, analytics] = zones.map(|zone| zone.map(|(_, location, _)| location));
    let zones = Zones { raw: raw?, stage: stage?, analytics: analytics? };
    let events = events.into_iter().collect::<Option<Vec<_>>>()?;
    for (event, place) in &events {
        check_source(event, place, &zones, report);
    }
    let teams = layer.teams.unwrap_or_default();
    let (catalog, catalog_place) = (catalog?, catalog_place?);
    if matches!(catalog, CatalogAddress::Glue(_)) && zones.analytics.s3().is_none() {
        let message = format!("Glue's tables lie on S3, and the analytics zone is {}", zones.analytics);
        let hint = "set the analytics zone to `s3://bucket/prefix`, or write `catalog: local:` and a path";
        report.add(Diagnostic::new(catalog_place, message).hint(hint));
    }
    let ledger = ledger?;
    let sdlf = layer.sdlf.unwrap_or_default().resolve(&ledger, environment);
    let events = events.into_iter().map(|(event, _)| event).collect();
    Some(Settings { zones, ledger, catalog, events, teams, lf_tags: layer.lf_tags.unwrap_or_default(), sdlf })
}

/// A watcher watches a folder, and a queue tells of a bucket.
fn check_source(event: &EventSourceAddress, place: &Place, zones: &Zones, report: &Report<'_>) {
    let raw = &zones.raw;
    let (message, hint) = match event {
        EventSourceAddress::Watch { .. } if raw.path().is_none() => (
            format!("`watch` watches a folder, and the raw zone is {raw}"),
            "write `sqs://` and the name of the queue that the bucket notifies",
        ),
        EventSourceAddress::Sqs { queue } if raw.s3().is_none() => {
            let message = format!("the queue {queue} tells of objects on S3, and the raw zone is {raw}");
            (message, "write `watch`, or set the raw zone to `s3://bucket/prefix`")
        }
        _ => return,
    };
    report.add(Diagnostic::new(place.clone(), message).hint(hint));
}

fn source_of(event: ToldEvent, report: &Report<'_>) -> Option<(EventSourceAddress, Place)> {
    match event {
        ToldEvent::Watch(settle, place) => Some((EventSourceAddress::Watch { settle }, place)),
        ToldEvent::Other(told) => {
            let told_queue = match scheme(&told.text) {
                Some(("sqs" | "http" | "https", _)) => queue(&told),
                other => Err(refused(&told, other.map_or("", |(scheme, _)| scheme), "write `watch`, or `sqs://` and a queue's name")),
            };
            noted(report, told_queue.map(|queue| (EventSourceAddress::Sqs { queue }, told.place)))
        }
    }
}

/// What is staged is moved within a zone, but what is read and written in one task is in several:
/// whoever can reach the one must reach the others.
fn check_alike(zones: &[Option<(&str, Location, Place)>; 3], report: &Report<'_>) {
    let find = |on_s3: bool| zones.iter().flatten().find(|(_, location, _)| location.s3().is_some() == on_s3);
    if let (Some((name, location, place)), Some((other, folder, _))) = (find(true), find(false)) {
        let message = format!("the {name} zone is {location}, and the {other} zone is {folder}");
        report.add(Diagnostic::new(place.clone(), message).hint("put all zones into folders, or all on S3"));
    }
}

/// A zone inside another would have its files taken for the other's.
fn check_apart(zones: &[Option<(&str, Location, Place)>; 3], report: &Report<'_>) {
    for (name, location, place) in zones.iter().flatten() {
        for (other, outer, _) in zones.iter().flatten().filter(|(other, _, _)| other != name) {
            if location.below(outer).is_some() || (location == outer && name > other) {
                let message = format!("the {name} zone lies in the {other} zone, {outer}");
                report.add(Diagnostic::new(place.clone(), message).hint("give each zone a folder of its own"));
            }
        }
    }
}

fn noted<T>(report: &Report<'_>, result: Result<T, Diagnostic>) -> Option<T> {
    result.map_err(|diagnostic| report.add(diagnostic)).ok()
}
