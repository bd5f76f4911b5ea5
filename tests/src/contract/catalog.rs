//! The duties of a table catalog.

use std::sync::Arc;

use async_trait::async_trait;
use lakegate_coordinator::ports::{TableCatalog, TableChange};
use lakegate_model::{
    ExecutionId, FailureCode, Location, Timestamp,
    table::{DataType, Schema, TableFile, TableId, TableVersion},
};

/// Where a catalog is, and stays when it is closed.
#[async_trait]
pub trait CatalogPlace: Default + Send + Sync + 'static {
    /// The adapter.
    type Catalog: TableCatalog;

    /// Opens the catalog; others may have it open too.
    async fn open(&self) -> Self::Catalog;

    /// Where tables lie. Nothing need be there.
    fn location(&self) -> Location;
}

/// Tests an adapter of `TableCatalog`, whose `CatalogPlace` is named.
#[macro_export]
macro_rules! catalog_contract {
    ($place:ty $(, $how:ident)?) => {
        $crate::contract!(
            $crate::contract::catalog,
            $place,
            [
                a_table_is_created_by_its_first_publish,
                each_publish_makes_the_next_version_and_keeps_the_others,
                an_execution_is_in_a_table_once,
                an_execution_without_files_is_in_the_table_too,
                schemas_grow_and_partition_columns_stay_last,
                another_layout_is_refused_and_changes_nothing,
                what_comes_after_a_version_is_let_in_on_top_of_that_one_only,
                what_would_be_refused_is_told_before_and_changes_nothing,
                tables_are_listed_by_name,
                concurrent_publishes_lose_nothing,
                publishes_of_others_are_seen,
                what_is_published_is_there_after_reopening,
                many_versions_read_back_as_they_were,
            ] $(, $how)?
        );
    };
}

fn id() -> TableId {
    TableId::new("nyc", "flights_monthly")
}

/// Where the table lies, among other tables in `lake`.
fn location(lake: &Location) -> Location {
    lake.join("nyc/flights/flights_monthly")
}

fn schema() -> Schema {
    [("carrier", DataType::String), ("month", DataType::Int(64)), ("delay", DataType::Float(64))].into_iter().collect()
}

/// A change by an execution that adds so many files.
fn change(lake: &Location, execution: &str, files: usize) -> TableChange {
    let execution = ExecutionId::from_text(execution);
    let file = |n: usize| TableFile {
        location: location(lake).join(&format!("month={n}/{execution}-{n:05}.parquet")),
        partition: vec![("month".into(), (n > 0).then(|| n.to_string()))],
        rows: 10 + n as u64,
        bytes: 1_000,
        execution: execution.clone(),
    };
    TableChange {
        lf_tags: Default::default(),
        id: id(),
        location: location(lake),
        partition_by: vec!["month".into()],
        on_top_of: None,
        schema: schema(),
        files: (0..files).map(file).collect(),
        execution: execution.clone(),
        at: Timestamp(1_000),
    }
}

/// What is not there is none; what is answered is what is read.
pub async fn a_table_is_created_by_its_first_publish(place: impl CatalogPlace) {
    let lake = place.location();
    let catalog = place.open().await;
    assert_eq!(catalog.table(&id()).await.unwrap(), None);
    assert_eq!(catalog.table_at(&id(), 1).await.unwrap(), None);
    assert_eq!(catalog.tables().await.unwrap(), []);
    let table = catalog.publish(change(&lake, "ex-1", 2)).await.unwrap();
    let expected = TableVersion {
        id: id(),
        version: 1,
        location: location(&lake),
        schema: [("carrier", DataType::String), ("delay", DataType::Float(64)), ("month", DataType::Int(64))].into_iter().collect(),
        partition_by: vec!["month".into()],
        files: change(&lake, "ex-1", 2).files,
        at: Timestamp(1_000),
    };
    assert_eq!(table, expected);
    assert_eq!(catalog.table(&id()).await.unwrap(), Some(expected.clone()));
    assert_eq!(catalog.table_at(&id(), 1).await.unwrap(), Some(expected));
}

/// Files are in the order they came.
pub async fn each_publish_makes_the_next_version_and_keeps_the_others(place: impl CatalogPlace) {
    let lake = place.location();
    let catalog = place.open().await;
    let first = catalog.publish(change(&lake, "ex-1", 1)).await.unwrap();
    let second = catalog.publish(change(&lake, "ex-2", 2)).await.unwrap();
    assert_eq!((first.version, second.version), (1, 2));
    assert_eq!(second.files, [change(&lake, "ex-1", 1).files, change(&lake, "ex-2", 2).files].concat());
    assert_eq!(catalog.table_at(&id(), 1).await.unwrap(), Some(first), "version 1 is what it was");
    assert_eq!(catalog.table_at(&id(), 3).await.unwrap(), None);
    assert_eq!(catalog.table(&id()).await.unwrap(), Some(second));
}

/// Doing it again, now or after others, changes nothing and answers with a version that has it.
pub async fn an_execution_is_in_a_table_once(place: impl CatalogPlace) {
    let lake = place.location();
    let catalog = place.open().await;
    catalog.publish(change(&lake, "ex-1", 2)).await.unwrap();
    let newest = catalog.publish(change(&lake, "ex-2", 1)).await.unwrap();
    for execution in ["ex-1", "ex-2", "ex-1"] {
        let mut again = change(&lake, execution, 5);
        again.at = Timestamp(2_000);
        assert_eq!(catalog.publish(again).await.unwrap(), newest);
    }
    drop(catalog);
    let catalog = place.open().await;
    assert_eq!(catalog.publish(change(&lake, "ex-1", 2)).await.unwrap(), newest);
}

/// It makes a version, once.
pub async fn an_execution_without_files_is_in_the_table_too(place: impl CatalogPlace) {
    let lake = place.location();
    let catalog = place.open().await;
    assert_eq!(catalog.publish(change(&lake, "ex-0", 0)).await.unwrap().version, 1);
    assert_eq!(catalog.publish(change(&lake, "ex-1", 1)).await.unwrap().version, 2);
    assert_eq!(catalog.publish(change(&lake, "ex-2", 0)).await.unwrap().version, 3);
    drop(catalog);
    let catalog = place.open().await;
    for execution in ["ex-0", "ex-1", "ex-2"] {
        assert_eq!(catalog.publish(change(&lake, execution, 1)).await.unwrap().version, 3, "{execution}");
    }
}

/// New columns come before the partition columns; types are widened.
pub async fn schemas_grow_and_partition_columns_stay_last(place: impl CatalogPlace) {
    let lake = place.location();
    let catalog = place.open().await;
    let mut first = change(&lake, "ex-1", 1);
    first.partition_by = vec!["month".into(), "carrier".into()];
    let mut second = first.clone();
    (second.execution, second.files) = (ExecutionId::from_text("ex-2"), Vec::new());
    second.schema = [("delay", DataType::String), ("month", DataType::Int(64)), ("gate", DataType::Null)].into_iter().collect();
    catalog.publish(first).await.unwrap();
    let table = catalog.publish(second).await.unwrap();
    let columns: Vec<(&str, String)> =
        table.schema.columns.iter().map(|column| (column.name.as_str(), column.data_type.to_string())).collect();
    let expected =
        [("delay", "string"), ("gate", "null"), ("month", "int64"), ("carrier", "string")].map(|(name, kind)| (name, kind.to_owned()));
    assert_eq!(columns, expected);
}

/// Other partition columns, or another place.
pub async fn another_layout_is_refused_and_changes_nothing(place: impl CatalogPlace) {
    let lake = place.location();
    let catalog = place.open().await;
    let before = catalog.publish(change(&lake, "ex-1", 1)).await.unwrap();
    let mut unpartitioned = change(&lake, "ex-2", 1);
    unpartitioned.partition_by.clear();
    let mut elsewhere = change(&lake, "ex-3", 1);
    elsewhere.location = lake.join("other");
    for refused in [unpartitioned, elsewhere] {
        let failure = catalog.publish(refused).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::Conflict);
        assert!(failure.message.contains("nyc.flights_monthly"), "{failure}");
    }
    assert_eq!(catalog.table(&id()).await.unwrap(), Some(before));
}

/// Of two that come after one version, one is let in; and it may say so again.
pub async fn what_comes_after_a_version_is_let_in_on_top_of_that_one_only(place: impl CatalogPlace) {
    let lake = place.location();
    let (ours, theirs) = (place.open().await, place.open().await);
    let after = |version: u64, execution: &str| TableChange { on_top_of: Some(version), ..change(&lake, execution, 1) };
    assert_eq!(ours.check(&after(1, "ex-1")).await.unwrap_err().code, FailureCode::Overtaken, "there is no version 1");
    ours.check(&after(0, "ex-1")).await.unwrap();
    theirs.check(&after(0, "ex-2")).await.unwrap();
    ours.publish(after(0, "ex-1")).await.unwrap();
    let before = ours.table(&id()).await.unwrap();
    assert_eq!(theirs.check(&after(0, "ex-2")).await.unwrap_err().code, FailureCode::Overtaken);
    let refused = theirs.publish(after(0, "ex-2")).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::Overtaken);
    assert!(refused.message.contains("nyc.flights_monthly is at version 1"), "{refused}");
    assert_eq!(theirs.table(&id()).await.unwrap(), before);
    assert_eq!(theirs.publish(after(1, "ex-2")).await.unwrap().version, 2);
    ours.check(&after(0, "ex-1")).await.expect("it is in the table already");
    assert_eq!(ours.publish(after(0, "ex-1")).await.unwrap().version, 2);
}

/// `check` says what `publish` would say, and does nothing.
pub async fn what_would_be_refused_is_told_before_and_changes_nothing(place: impl CatalogPlace) {
    let lake = place.location();
    let catalog = place.open().await;
    catalog.check(&change(&lake, "ex-1", 1)).await.unwrap();
    assert_eq!(catalog.tables().await.unwrap(), [], "a look makes no table");
    let before = catalog.publish(change(&lake, "ex-1", 1)).await.unwrap();
    let mut unpartitioned = change(&lake, "ex-2", 1);
    unpartitioned.partition_by.clear();
    let mut elsewhere = change(&lake, "ex-3", 1);
    elsewhere.location = lake.join("other");
    let mut nameless = change(&lake, "ex-4", 1);
    nameless.id = TableId::new("nyc", "../flights");
    for refused in [unpartitioned, elsewhere, nameless] {
        let told = catalog.check(&refused).await.unwrap_err();
        assert_eq!(told, catalog.publish(refused).await.unwrap_err());
    }
    catalog.check(&change(&lake, "ex-5", 2)).await.unwrap();
    let mut known = change(&lake, "ex-1", 1);
    known.partition_by.clear();
    catalog.check(&known).await.expect("what is in the table already is not added, so nothing of it can be refused");
    assert_eq!(catalog.table(&id()).await.unwrap(), Some(before));
}

/// By database, then by table.
pub async fn tables_are_listed_by_name(place: impl CatalogPlace) {
    let lake = place.location();
    let catalog = place.open().await;
    for (database, table) in [("nyc", "b"), ("lax", "z"), ("nyc", "a"), ("lax", "a")] {
        let mut of_table = change(&lake, "ex-1", 1);
        of_table.id = TableId::new(database, table);
        catalog.publish(of_table).await.unwrap();
    }
    catalog.publish(TableChange { id: TableId::new("nyc", "a"), ..change(&lake, "ex-2", 1) }).await.unwrap();
    let names: Vec<(String, u64)> =
        catalog.tables().await.unwrap().into_iter().map(|table| (table.id.to_string(), table.version)).collect();
    assert_eq!(names, [("lax.a", 1), ("lax.z", 1), ("nyc.a", 2), ("nyc.b", 1)].map(|(name, version)| (name.to_owned(), version)));
}

/// Two adapters on one catalog, five tasks on each.
pub async fn concurrent_publishes_lose_nothing(place: impl CatalogPlace) {
    let lake = place.location();
    let catalogs = [Arc::new(place.open().await), Arc::new(place.open().await)];
    let tasks: Vec<_> = (0..10)
        .map(|task: usize| {
            let (catalog, lake) = (Arc::clone(&catalogs[task % 2]), lake.clone());
            tokio::spawn(async move {
                for n in 0..10 {
                    catalog.publish(change(&lake, &format!("ex-{task}-{n}"), 1)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for catalog in catalogs {
        let table = catalog.table(&id()).await.unwrap().unwrap();
        assert_eq!((table.version, table.files.len()), (100, 100));
    }
}

/// Whoever has the catalog open.
pub async fn publishes_of_others_are_seen(place: impl CatalogPlace) {
    let lake = place.location();
    let (ours, theirs) = (place.open().await, place.open().await);
    ours.publish(change(&lake, "ex-1", 1)).await.unwrap();
    theirs.publish(change(&lake, "ex-2", 1)).await.unwrap();
    assert_eq!(ours.table(&id()).await.unwrap().unwrap().version, 2);
    assert_eq!(ours.publish(change(&lake, "ex-2", 1)).await.unwrap().version, 2);
    assert_eq!(ours.tables().await.unwrap()[0].version, 2);
}

/// Every version of it.
pub async fn what_is_published_is_there_after_reopening(place: impl CatalogPlace) {
    let lake = place.location();
    let catalog = place.open().await;
    let first = catalog.publish(change(&lake, "ex-1", 2)).await.unwrap();
    let second = catalog.publish(change(&lake, "ex-2", 0)).await.unwrap();
    drop(catalog);
    let catalog = place.open().await;
    assert_eq!(catalog.table(&id()).await.unwrap(), Some(second.clone()));
    assert_eq!(catalog.table_at(&id(), 1).await.unwrap(), Some(first));
    assert_eq!(catalog.tables().await.unwrap(), [second]);
}

/// However an adapter stores them.
pub async fn many_versions_read_back_as_they_were(place: impl CatalogPlace) {
    let lake = place.location();
    let catalog = place.open().await;
    let mut versions = Vec::new();
    for n in 0..300 {
        versions.push(catalog.publish(change(&lake, &format!("ex-{n}"), n % 3)).await.unwrap());
    }
    drop(catalog);
    let catalog = place.open().await;
    assert_eq!(catalog.table(&id()).await.unwrap().as_ref(), versions.last());
    for version in versions.iter().step_by(7) {
        assert_eq!(catalog.table_at(&id(), version.version).await.unwrap().as_ref(), Some(version));
    }
    assert_eq!(versions[299].files.len(), 300);
    for execution in ["ex-0", "ex-3", "ex-150", "ex-299"] {
        assert_eq!(catalog.publish(change(&lake, execution, 1)).await.unwrap().version, 300, "{execution} is in it");
    }
}
