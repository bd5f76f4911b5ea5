//! What a project's pipeline files may not do beside each other: declare one thing twice, read a
//! table that nobody publishes, or wait for each other in a cycle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    diagnostics::{Diagnostic, nearest},
    ids::DatasetId,
    pipeline::decode::{CrawlerMention, PipelineFile, TableMention},
    project::CatalogAddress,
    table::TableId,
};

/// What these pipeline files ask of a table catalog that is not this one.
pub fn check_catalog(files: &[PipelineFile], catalog: &CatalogAddress) -> Vec<Diagnostic> {
    let CatalogAddress::Local(_) = catalog else { return Vec::new() };
    let refused = |mention: &CrawlerMention| {
        let message = format!("`{}` is a crawler of AWS Glue, and the table catalog is {catalog}", mention.crawler);
        Diagnostic::new(mention.place.clone(), message)
            .hint("name a `database` and a `table` instead, or set `catalog: glue://` in lakegate.yaml")
    };
    files.iter().flat_map(|file| &file.crawlers).map(refused).collect()
}

/// What is wrong with these pipeline files together, in their order.
pub fn check_together(files: &[PipelineFile]) -> Vec<Diagnostic> {
    let mut found = datasets_twice(files);
    found.extend(routes_twice(files));
    found.extend(tables_twice(files));
    found.extend(unpublished(files));
    found.extend(cycles(files));
    found
}

fn datasets_twice(files: &[PipelineFile]) -> Vec<Diagnostic> {
    let mut first: BTreeMap<&DatasetId, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for (file, (dataset, place)) in files.iter().filter_map(|file| Some((file, file.dataset.as_ref()?))) {
        match first.get(dataset) {
            Some(before) => {
                let message = format!("dataset {dataset} has a pipeline already, in {before}");
                found.push(Diagnostic::new(place.clone(), message).hint("put the stages of both into one file, or rename one dataset"));
            }
            None => {
                first.insert(dataset, &file.file);
            }
        }
    }
    found
}

fn routes_twice(files: &[PipelineFile]) -> Vec<Diagnostic> {
    let mut first: BTreeMap<(&str, &str), &DatasetId> = BTreeMap::new();
    let mut found = Vec::new();
    for (pipeline, place) in files.iter().filter_map(|file| Some((file.pipeline.as_ref()?, &file.dataset.as_ref()?.1))) {
        for route in &pipeline.routes {
            match first.insert((&route.prefix, &route.suffix), &pipeline.dataset) {
                Some(before) if *before != pipeline.dataset => {
                    let message = format!("the route `{}…{}` is {before}'s already", route.prefix, route.suffix);
                    found.push(Diagnostic::new(place.clone(), message).hint("one of the two needs a longer prefix or suffix"));
                }
                _ => {}
            }
        }
    }
    found
}

/// A table's location is below its publisher's dataset, so two datasets would give it two.
fn tables_twice(files: &[PipelineFile]) -> Vec<Diagnostic> {
    let mut first: BTreeMap<&TableId, &DatasetId> = BTreeMap::new();
    let mut found = Vec::new();
    for (dataset, mention) in publishers(files) {
        match first.get(&mention.table) {
            Some(before) if *before != dataset => {
                let message = format!("table {} is published by {before} already", mention.table);
                found.push(Diagnostic::new(mention.place.clone(), message).hint("a table belongs to one dataset; rename one of the two"));
            }
            Some(_) => found.extend(zone_differs(files, dataset, mention)),
            None => {
                first.insert(&mention.table, dataset);
            }
        }
    }
    found
}

/// Two stages of one pipeline may publish one table, but to one place.
fn zone_differs(files: &[PipelineFile], dataset: &DatasetId, mention: &TableMention) -> Option<Diagnostic> {
    let pipeline = files.iter().filter_map(|file| file.pipeline.as_ref()).find(|pipeline| pipeline.dataset == *dataset)?;
    let zone = pipeline.stages.get(mention.stage)?.output.zone;
    let publishes = |publish: &crate::pipeline::Publish| publish.table == mention.table;
    let before = pipeline.stages.iter().find(|stage| stage.publish().is_some_and(publishes))?;
    (before.output.zone != zone).then(|| {
        let message =
            format!("table {} is published to the {} zone already, by stage `{}`", mention.table, before.output.zone.as_str(), before.name);
        Diagnostic::new(mention.place.clone(), message).hint("a table lies in one zone")
    })
}

fn publishers(files: &[PipelineFile]) -> impl Iterator<Item = (&DatasetId, &TableMention)> {
    let known = files.iter().filter_map(|file| Some((file, &file.dataset.as_ref()?.0)));
    known.flat_map(|(file, dataset)| file.publishes.iter().map(move |mention| (dataset, mention)))
}

fn unpublished(files: &[PipelineFile]) -> Vec<Diagnostic> {
    // A file that could not be read may well publish it.
    if !files.iter().all(|file| file.complete) {
        return Vec::new();
    }
    let names: BTreeMap<&TableId, String> =
        files.iter().flat_map(|file| &file.publishes).map(|mention| (&mention.table, mention.table.to_string())).collect();
    let missing = files.iter().flat_map(|file| &file.references).filter(|mention| !names.contains_key(&mention.table));
    let explain = |mention: &TableMention| {
        let hint = match nearest(&mention.table.to_string(), names.values().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "no pipeline here publishes a table".to_owned(),
            None => format!("published here: {}", names.values().map(String::as_str).collect::<Vec<_>>().join(", ")),
        };
        Diagnostic::new(mention.place.clone(), format!("no pipeline of this project publishes table {}", mention.table)).hint(hint)
    };
    missing.map(explain).collect()
}

/// A stage: the index of its file and its own in the file.
type Node = (usize, usize);

/// At the first run a stage waits for the stage before it, and for the first publication of each
/// table it reads. Where that comes round to the stage itself, nothing ever starts.
fn cycles(files: &[PipelineFile]) -> Vec<Diagnostic> {
    let mut publisher: BTreeMap<&TableId, Node> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        for mention in &file.publishes {
            publisher.entry(&mention.table).or_insert((index, mention.stage));
        }
    }
    let mut told: BTreeSet<(usize, usize, &TableId)> = BTreeSet::new();
    let mut found = Vec::new();
    for (index, file) in files.iter().enumerate() {
        for mention in &file.references {
            let start = (index, mention.stage);
            if told.contains(&(index, mention.stage, &mention.table)) {
                continue;
            }
            let Some(way) = publisher.get(&mention.table).and_then(|first| way(files, &publisher, *first, start)) else { continue };
            let reads: Vec<(usize, &TableMention)> = std::iter::once((index, mention)).chain(way).collect();
            told.extend(reads.iter().map(|(file, read)| (*file, read.stage, &read.table)));
            found.push(
                Diagnostic::new(mention.place.clone(), describe(files, &reads))
                    .hint("each would wait for the other for ever; drop one of the references"),
            );
        }
    }
    found
}

/// The references followed on the shortest way from one stage to another; empty if the way is
/// only from a stage to those before it.
fn way<'f>(
    files: &'f [PipelineFile],
    publisher: &BTreeMap<&TableId, Node>,
    from: Node,
    to: Node,
) -> Option<Vec<(usize, &'f TableMention)>> {
    let mut came: BTreeMap<Node, Option<(Node, Option<&'f TableMention>)>> = BTreeMap::from([(from, None)]);
    let mut open = VecDeque::from([from]);
    while let Some(at) = open.pop_front() {
        if at == to {
            return Some(walk_back(&came, at));
        }
        let (file, stage) = at;
        let before = stage.checked_sub(1).map(|before| ((file, before), None));
        let references = files.get(file).into_iter().flat_map(|file| &file.references).filter(|mention| mention.stage == stage);
        let read = references.filter_map(|mention| Some((*publisher.get(&mention.table)?, Some(mention))));
        for (next, by) in before.into_iter().chain(read) {
            came.entry(next).or_insert_with(|| {
                open.push_back(next);
                Some((at, by))
            });
        }
    }
    None
}

fn walk_back<'f>(came: &BTreeMap<Node, Option<(Node, Option<&'f TableMention>)>>, end: Node) -> Vec<(usize, &'f TableMention)> {
    let mut reads = Vec::new();
    let mut at = end;
    while let Some(Some((before, by))) = came.get(&at) {
        reads.extend(by.map(|mention| (before.0, mention)));
        at = *before;
    }
    reads.reverse();
    reads
}

fn describe(files: &[PipelineFile], reads: &[(usize, &TableMention)]) -> String {
    let name =
        |file: &usize| files.get(*file).and_then(|file| file.dataset.as_ref()).map_or_else(String::new, |(dataset, _)| dataset.to_string());
    if let [(file, mention)] = reads {
        return format!("{} reads {}, which only this stage or one after it publishes", name(file), mention.table);
    }
    let owners = reads.iter().cycle().skip(1);
    let steps: Vec<String> =
        reads.iter().zip(owners).map(|((_, read), (owner, _))| format!("reads {} of {}", read.table, name(owner))).collect();
    let start = reads.first().map_or_else(String::new, |(file, _)| name(file));
    format!("a cycle of references: {start} {}", steps.join(", which "))
}
