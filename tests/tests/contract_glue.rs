//! The table catalog in Glue keeps the port's contract, and what other programs read there is right.
//! Against an emulated AWS.

use std::collections::BTreeSet;

use lakegate_aws::GlueCatalog;
use lakegate_coordinator::ports::{TableCatalog as _, TableChange};
use lakegate_model::{
    FailureCode, Location,
    project::Zones,
    table::{DataType, Schema, TableId},
};
use lakegate_tests::{
    contract::catalog::CatalogPlace as _,
    kit::moto::moto,
    place::{
        account,
        glue::{GluePlace as Place, columns, said},
    },
};
use serde_json::json;

mod catalog {
    lakegate_tests::catalog_contract!(super::Place);
}

#[tokio::test]
async fn athena_and_spark_are_told_types_places_partitions_and_counts() {
    let place = Place::default();
    let catalog = place.open().await;
    let change =
        place.change("ex-1", &[(Some("2013"), Some("UA")), (Some("2013"), None), (Some("2014"), Some("A/B")), (Some("2013"), Some("UA"))]);
    catalog.publish(change.clone()).await.unwrap();

    let entry = place.entry();
    assert_eq!(entry["TableType"], "EXTERNAL_TABLE");
    let stored = &entry["StorageDescriptor"];
    assert_eq!(stored["Location"], change.location.as_str());
    assert_eq!(stored["SerdeInfo"]["SerializationLibrary"], "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe");
    assert_eq!(stored["InputFormat"], "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat");
    assert_eq!(stored["OutputFormat"], "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat");
    assert_eq!(columns(&stored["Columns"]), [("delay", "int")]);
    assert_eq!(stored["Columns"][0]["Parameters"]["lakegate.type"], "uint16");
    assert_eq!(columns(&entry["PartitionKeys"]), [("year", "bigint"), ("carrier", "string")]);
    let counts = ["classification", "EXTERNAL", "recordCount", "numRows", "sizeKey", "numFiles"];
    assert_eq!(said(&entry, counts), ["parquet", "TRUE", "46", "46", "4000", "4"]);
    let ours = ["lakegate.version", "lakegate.execution", "lakegate.table", "lakegate.published_at"];
    assert_eq!(said(&entry, ours), ["1", "ex-1", "nyc.flights", "1970-01-01T00:00:01.000Z"]);

    let partitions = place.partitions();
    assert_eq!(partitions.keys().collect::<Vec<_>>(), ["2013/UA", "2013/__HIVE_DEFAULT_PARTITION__", "2014/A/B"]);
    for (values, folder, rows, files) in [
        ("2013/UA", "year=2013/carrier=UA", "23", "2"),
        ("2013/__HIVE_DEFAULT_PARTITION__", "year=2013/carrier=__HIVE_DEFAULT_PARTITION__", "11", "1"),
        ("2014/A/B", "year=2014/carrier=A%2FB", "12", "1"),
    ] {
        let partition = &partitions[values];
        let stored = &partition["StorageDescriptor"];
        assert_eq!(stored["Location"], change.location.join(folder).as_str());
        assert_eq!(columns(&stored["Columns"]), [("delay", "int")]);
        assert_eq!(stored["SerdeInfo"], entry["StorageDescriptor"]["SerdeInfo"]);
        assert_eq!(said(partition, ["numRows", "numFiles", "classification"]), [rows, files, "parquet"]);
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_made() {
    let place = Place::default();
    place.open().await.publish(place.change("ex-1", &[])).await.unwrap();
    let database = moto().call("AWSGlue.GetDatabase", &json!({"Name": format!("{}nyc", place.prefix)}))["Database"].clone();
    assert_eq!(database["Description"], "Tables of nyc that Lakegate publishes");
}

#[tokio::test]
async fn a_table_without_partitions_is_registered_at_once() {
    let place = Place::default();
    let catalog = place.open().await;
    for execution in ["ex-1", "ex-2"] {
        let mut change = place.change(execution, &[(None, None)]);
        change.partition_by.clear();
        change.files[0].partition.clear();
        catalog.publish(change).await.unwrap();
        let entry = place.entry();
        assert_eq!(columns(&entry["StorageDescriptor"]["Columns"]), [("year", "bigint"), ("delay", "int"), ("carrier", "string")]);
        assert_eq!(entry["PartitionKeys"], json!([]));
        assert_eq!(said(&entry, ["lakegate.execution"]), [execution]);
    }
    assert_eq!(said(&place.entry(), ["lakegate.version", "numRows"]), ["2", "20"]);
}

#[tokio::test]
async fn partitions_come_by_the_hundred_and_are_updated_when_there_is_more_in_them() {
    let place = Place::default();
    let catalog = place.open().await;
    let years: Vec<String> = (1..=250).map(|year| year.to_string()).collect();
    let all: Vec<_> = years.iter().map(|year| (Some(year.as_str()), Some("UA"))).collect();
    catalog.publish(place.change("ex-1", &all)).await.unwrap();
    assert_eq!(place.partitions().len(), 250);

    // One that somebody made before us, and one that somebody deleted.
    let stranger = json!({"Values": ["251", "UA"], "StorageDescriptor": {"Location": "s3://elsewhere"}});
    place.glue("CreatePartition", json!({"TableName": "flights", "PartitionInput": stranger}));
    place.glue("DeletePartition", json!({"TableName": "flights", "PartitionValues": ["1", "UA"]}));
    let more: Vec<_> = [(Some("251"), Some("UA"))].into_iter().chain(all).collect();
    let table = catalog.publish(place.change("ex-2", &more)).await.unwrap();

    let partitions = place.partitions();
    assert_eq!(partitions.len(), 251);
    for (values, partition) in &partitions {
        let year = values.split('/').next().unwrap();
        let rows: u64 = table.files.iter().filter(|file| file.partition[0].1.as_deref() == Some(year)).map(|file| file.rows).sum();
        assert_eq!(said(partition, ["numRows"]), [rows.to_string()], "{values}");
        let folder = format!("{}/year={year}/carrier=UA", table.location);
        assert_eq!(partition["StorageDescriptor"]["Location"], folder);
    }
}

#[tokio::test]
async fn a_grown_schema_is_told_to_every_partition_and_what_others_said_is_kept() {
    let place = Place::default();
    let catalog = place.open().await;
    catalog.publish(place.change("ex-1", &[(Some("2013"), Some("UA"))])).await.unwrap();
    let mut theirs = place.entry();
    theirs["Description"] = json!("Delays by carrier");
    theirs["Owner"] = json!("ops");
    theirs["Retention"] = json!(30);
    theirs["Parameters"]["projection.enabled"] = json!("false");
    theirs["Parameters"]["lakegate.obsolete"] = json!("x");
    theirs["StorageDescriptor"]["Columns"][0]["Comment"] = json!("minutes");
    theirs["PartitionKeys"][0]["Comment"] = json!("of departure");
    place.put_back(&theirs);

    let mut grown = place.change("ex-2", &[(Some("2014"), Some("AA"))]);
    let gate = DataType::Struct([("Name", DataType::String), ("since", DataType::Date)].into_iter().collect::<Schema>().columns);
    grown.schema =
        grown.schema.columns.into_iter().map(|column| (column.name, column.data_type)).chain([("Gate".to_owned(), gate)]).collect();
    let table = catalog.publish(grown).await.unwrap();
    assert_eq!(table.schema.columns[1].name, "Gate");

    let entry = place.entry();
    let expected = [("delay", "int"), ("gate", "struct<name:string,since:date>")];
    assert_eq!(columns(&entry["StorageDescriptor"]["Columns"]), expected);
    assert_eq!(columns(&entry["PartitionKeys"]), [("year", "bigint"), ("carrier", "string")]);
    assert_eq!(entry["StorageDescriptor"]["Columns"][1]["Parameters"]["lakegate.name"], "Gate");
    assert_eq!((&entry["Description"], &entry["Owner"], &entry["Retention"]), (&json!("Delays by carrier"), &json!("ops"), &json!(30)));
    assert_eq!(said(&entry, ["projection.enabled", "lakegate.obsolete", "numRows"]), ["false", "nothing", "20"]);
    assert_eq!(entry["StorageDescriptor"]["Columns"][0]["Comment"], "minutes");
    assert_eq!(entry["PartitionKeys"][0]["Comment"], "of departure");
    let partitions = place.partitions();
    assert_eq!(partitions.len(), 2);
    for partition in partitions.values() {
        assert_eq!(columns(&partition["StorageDescriptor"]["Columns"]), expected);
    }
}

#[tokio::test]
async fn an_entry_that_was_deleted_or_is_of_another_record_is_made_anew() {
    let place = Place::default();
    let catalog = place.open().await;
    catalog.publish(place.change("ex-1", &[(Some("2013"), Some("UA"))])).await.unwrap();
    place.glue("DeleteTable", json!({"Name": "flights"}));
    catalog.publish(place.change("ex-2", &[(Some("2014"), Some("AA"))])).await.unwrap();
    assert_eq!(said(&place.entry(), ["lakegate.version", "numRows"]), ["2", "20"]);
    assert_eq!(place.partitions().len(), 2);

    let mut further = place.entry();
    further["Parameters"]["lakegate.version"] = json!("57");
    further["Parameters"]["lakegate.files"] = json!("99");
    place.put_back(&further);
    place.glue("DeletePartition", json!({"TableName": "flights", "PartitionValues": ["2013", "UA"]}));
    catalog.publish(place.change("ex-2", &[])).await.unwrap();
    assert_eq!(said(&place.entry(), ["lakegate.version", "numRows"]), ["2", "20"]);
    assert_eq!(place.partitions().len(), 2);
}

#[tokio::test]
async fn a_name_that_is_taken_in_glue_is_refused_and_nothing_is_recorded() {
    let place = Place::default();
    let catalog = place.open().await;
    catalog.publish(TableChange { id: TableId::new("nyc", "other"), ..place.change("ex-0", &[]) }).await.unwrap();

    let stored = json!({"Columns": [], "Location": "s3://theirs/flights"});
    place.glue("CreateTable", json!({"TableInput": {"Name": "flights", "StorageDescriptor": stored}}));
    let failure = catalog.publish(place.change("ex-1", &[])).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::Conflict, "{failure}");
    assert!(failure.message.contains("s3://theirs/flights"), "{failure}");
    assert_eq!(place.record(1), None);

    // A crawler's table in the same place is taken over.
    place.glue("DeleteTable", json!({"Name": "flights"}));
    let root = place.change("ex-1", &[]).location;
    let stored = json!({"Columns": [], "Location": format!("{root}/")});
    let keys = json!([{"Name": "year", "Type": "string"}, {"Name": "carrier", "Type": "string"}]);
    place.glue("CreateTable", json!({"TableInput": {"Name": "flights", "StorageDescriptor": stored, "PartitionKeys": keys}}));
    catalog.publish(place.change("ex-1", &[(Some("2013"), Some("UA"))])).await.unwrap();
    assert_eq!(columns(&place.entry()["PartitionKeys"]), [("year", "bigint"), ("carrier", "string")]);

    let mut other_case = place.change("ex-1", &[]);
    other_case.id = TableId::new("nyc", "Flights");
    let failure = catalog.publish(other_case).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::Conflict, "{failure}");
    assert!(failure.message.contains("nyc.Flights") && failure.message.contains("nyc.flights"), "{failure}");
}

#[tokio::test]
async fn columns_that_differ_only_by_case_and_places_outside_the_zones_are_refused() {
    let place = Place::default();
    let catalog = place.open().await;
    let mut twice = place.change("ex-1", &[]);
    twice.schema = [("year", DataType::Int(64)), ("carrier", DataType::String), ("Year", DataType::String)].into_iter().collect();
    let mut outside = place.change("ex-2", &[]);
    outside.location = Location::new(format!("s3://{}/elsewhere", place.bucket));
    let mut raw = place.change("ex-3", &[]);
    raw.location = place.zones().raw.join("nyc/flights");
    let mut unsayable = place.change("ex-4", &[]);
    let field = DataType::Struct([("a:b", DataType::String)].into_iter().collect::<Schema>().columns);
    unsayable.schema =
        unsayable.schema.columns.into_iter().map(|column| (column.name, column.data_type)).chain([("x".to_owned(), field)]).collect();
    for (change, code, part) in [
        (unsayable, FailureCode::InvalidRequest, "\"a:b\""),
        (twice, FailureCode::Conflict, "\"Year\" and \"year\""),
        (outside, FailureCode::InvalidRequest, "elsewhere"),
        (raw, FailureCode::InvalidRequest, "raw"),
    ] {
        let failure = catalog.check(&change).await.unwrap_err();
        assert_eq!(failure.code, code, "{failure}");
        assert!(failure.message.contains(part), "{failure}");
        assert_eq!(catalog.publish(change).await.unwrap_err(), failure);
    }
    assert_eq!(catalog.tables().await.unwrap(), []);
    let local = Zones { raw: Location::of_path("/raw"), stage: Location::of_path("/stage"), analytics: Location::of_path("/lake") };
    let failure = GlueCatalog::open(&account(moto().endpoint()).await, "", local).await.err().unwrap();
    assert_eq!(failure.code, FailureCode::InvalidRequest);
}

#[tokio::test]
async fn more_versions_than_a_page_of_a_listing_are_found() {
    let place = Place::default();
    place.open().await.publish(place.change("ex-1", &[(Some("2013"), Some("UA"))])).await.unwrap();
    let mut record = place.record(1).unwrap();
    for version in 2..=1_002 {
        record["version"] = json!(version);
        place.put_record(&record);
    }
    let catalog = place.open().await;
    let tables = catalog.tables().await.unwrap();
    assert_eq!(tables.iter().map(|table| table.version).collect::<BTreeSet<_>>(), BTreeSet::from([1_002]));
    assert_eq!(catalog.table_at(&TableId::new("nyc", "flights"), 1_001).await.unwrap().unwrap().version, 1_001);
}
