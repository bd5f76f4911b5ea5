//! What becomes of files whose table was published to while they were audited.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use lakegate_model::{
    ObjectVersion,
    table::{Schema, TableVersion},
};

use super::*;
use crate::versions::{TableState, VersionRecord};

/// A table in memory. `others` publish to it between a check and the publish that follows.
#[derive(Default)]
struct Table {
    state: Mutex<Option<TableState>>,
    others: Mutex<Vec<TableChange>>,
}

impl Table {
    fn state(&self) -> MutexGuard<'_, Option<TableState>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, change: &TableChange) -> Result<TableVersion> {
        let mut state = self.state();
        if !state.as_ref().is_some_and(|state| state.has(&change.execution)) {
            let record = VersionRecord::next(state.as_ref(), change)?;
            match state.as_mut() {
                Some(state) => state.take(record),
                None => *state = Some(TableState::of(record)),
            }
        }
        Ok(state.as_ref().unwrap().table.clone())
    }
}

#[async_trait]
impl TableCatalog for Table {
    async fn table(&self, _: &TableId) -> Result<Option<TableVersion>> {
        Ok(self.state().as_ref().map(|state| state.table.clone()))
    }

    async fn table_at(&self, _: &TableId, _: u64) -> Result<Option<TableVersion>> {
        Ok(None)
    }

    async fn tables(&self) -> Result<Vec<TableVersion>> {
        Ok(Vec::new())
    }

    async fn check(&self, change: &TableChange) -> Result<()> {
        let state = self.state();
        if state.as_ref().is_some_and(|state| state.has(&change.execution)) {
            return Ok(());
        }
        VersionRecord::next(state.as_ref(), change).map(drop)
    }

    async fn publish(&self, change: TableChange) -> Result<TableVersion> {
        for other in std::mem::take(&mut *self.others.lock().unwrap()) {
            self.add(&other)?;
        }
        self.add(&change)
    }

    async fn crawl(&self, _: &str, _: Duration) -> Result<()> {
        Ok(())
    }
}

/// The names of the files there are.
#[derive(Default)]
struct Files(Mutex<BTreeSet<Location>>);

impl Files {
    fn with(names: &[&str]) -> Files {
        Files(Mutex::new(names.iter().map(|name| Location::new(*name)).collect()))
    }

    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(ToString::to_string).collect()
    }
}

#[async_trait]
impl Storage for Files {
    async fn head(&self, _: Zone, _: &str) -> Result<Option<ObjectVersion>> {
        Ok(None)
    }

    async fn write(&self, _: &Location, _: Vec<u8>) -> Result<()> {
        Ok(())
    }

    async fn read(&self, _: &Location) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    async fn list(&self, _: &Location, _: &str, _: usize) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn promote(&self, moves: Vec<Promotion>) -> Result<Vec<String>> {
        let mut files = self.0.lock().unwrap();
        for Promotion { from, to } in &moves {
            if files.remove(from) {
                files.insert(to.clone());
            }
            if !files.contains(to) {
                return Err(Failure::new(FailureCode::LakeIo, format!("{to} is at neither place")));
            }
        }
        Ok(moves.iter().map(|promotion| promotion.to.to_string()).collect())
    }

    async fn discard(&self, _: &Location) -> Result<()> {
        Ok(())
    }
}

fn change(execution: &str, on_top_of: Option<u64>) -> TableChange {
    TableChange {
        id: TableId::new("shop", "orders"),
        location: Location::new("/lake/orders"),
        partition_by: Vec::new(),
        schema: Schema::default(),
        on_top_of,
        files: Vec::new(),
        lf_tags: BTreeMap::new(),
        execution: ExecutionId::from_text(execution),
        at: Timestamp(0),
    }
}

/// Of the second file the states are lost.
const STAGED: [&str; 3] = ["/lake/_staging/a", "/lake/_staging/a.states", "/lake/_staging/b"];
const LET_IN: [&str; 3] = ["/lake/_lakegate/states/a.states", "/lake/orders/a", "/lake/orders/b"];

fn moves() -> Moves {
    let promotion = |from: String, to: String| Promotion { from: Location::new(from), to: Location::new(to) };
    Moves {
        files: ["a", "b"].map(|name| promotion(format!("/lake/_staging/{name}"), format!("/lake/orders/{name}"))).to_vec(),
        states: ["a", "b"]
            .map(|name| promotion(format!("/lake/_staging/{name}.states"), format!("/lake/_lakegate/states/{name}.states")))
            .to_vec(),
    }
}

#[tokio::test]
async fn what_was_overtaken_is_out_of_the_tables_folder_whenever_that_is_found() {
    for (staged, why) in [
        (STAGED, "nothing was moved"),
        (["/lake/orders/a", STAGED[1], STAGED[2]], "a crash came while it was moved"),
        (["/lake/orders/a", STAGED[1], "/lake/orders/b"], "a crash came before its states were moved"),
        (LET_IN, "a crash came before it was published"),
    ] {
        let (table, files) = (Table::default(), Files::with(&staged));
        table.add(&change("ex-other", None)).unwrap();
        let refused = move_and_register(&table, &files, moves(), Some(change("ex-1", Some(0)))).await.unwrap_err();
        assert_eq!((refused.code, files.names()), (FailureCode::Overtaken, STAGED.map(str::to_owned).to_vec()), "{why}");
        move_and_register(&table, &files, moves(), Some(change("ex-1", Some(1)))).await.unwrap();
        assert_eq!(files.names(), LET_IN);
    }
    let (table, files) = (Table::default(), Files::with(&STAGED));
    *table.others.lock().unwrap() = vec![change("ex-other", None)];
    let refused = move_and_register(&table, &files, moves(), Some(change("ex-1", Some(0)))).await.unwrap_err();
    assert_eq!((refused.code, files.names()), (FailureCode::Overtaken, STAGED.map(str::to_owned).to_vec()), "another process was first");
}

#[tokio::test]
async fn a_promotion_taken_up_after_its_publish_is_not_overtaken_by_those_that_came_since() {
    let (table, files) = (Table::default(), Files::with(&STAGED));
    move_and_register(&table, &files, moves(), Some(change("ex-1", Some(0)))).await.unwrap();
    table.add(&change("ex-other", None)).unwrap();
    move_and_register(&table, &files, moves(), Some(change("ex-1", Some(0)))).await.unwrap();
    assert_eq!(files.names(), LET_IN);
}
