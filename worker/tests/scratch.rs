#![allow(missing_docs)]
use polars::prelude::*;
use polars::sql::SQLContext;
use lakegate_worker::engine::*;
use lakegate_model::*;
use lakegate_model::pipeline::*;
use std::sync::Arc;
use std::time::{Instant, Duration};
#[test]
fn bench() {
    let dir = tempfile::TempDir::new().unwrap();
    let d = dir.path().to_str().unwrap().to_owned();
    let n = 300;
    std::fs::create_dir_all(format!("{d}/raw")).unwrap();
    std::fs::create_dir_all(format!("{d}/out1")).unwrap();
    for i in 0..n {
        let mut t = String::from("id,carrier,origin,dep_delay,arr_delay,distance,when\n");
        for r in 0..200 { t.push_str(&format!("{},UA,EWR,{},{},{},2013-01-{:02}\n", i*200+r, r%60, r%50, r*7, r%28+1)); }
        std::fs::write(format!("{d}/raw/{i}.csv"), t).unwrap();
    }
    let q = "SELECT id, carrier, dep_delay + arr_delay AS delay, distance FROM input WHERE dep_delay > 5";
    for fsync in [false, true] {
        let t = Instant::now();
        for i in 0..n {
            let df = CsvReadOptions::default().map_parse_options(|o| o.with_try_parse_dates(true)).try_into_reader_with_file_path(Some(format!("{d}/raw/{i}.csv").into())).unwrap().finish().unwrap();
            let mut ctx = SQLContext::new();
            ctx.register("input", df.lazy());
            let mut out = ctx.execute(q).unwrap().collect().unwrap();
            let f = std::fs::File::create(format!("{d}/out1/{i}.parquet")).unwrap();
            ParquetWriter::new(&f).finish(&mut out).unwrap();
            if fsync { f.sync_data().unwrap(); }
        }
        println!("floor fsync={fsync}: {:?} each", t.elapsed() / n);
    }
    let engine = lakegate_worker::engine::Engine::new(EngineOptions { scratch: dir.path().join("s"), slot_memory: 1 << 30 });
    let stage = Arc::new(Stage { name: "x".into(), trigger: Trigger::Object, input: Input::default(), steps: vec![Step::Transform(Transform { work: TransformWork::Sql(Sql { text: q.into(), file: None }), references: Default::default(), timeout: Duration::from_secs(1) })], output: Output { zone: Zone::Stage }, retry: RetryPolicy::default() });
    for _ in 0..2 {
    let t = Instant::now();
    for i in 0..n {
        let object = ObjectVersion { bucket: "raw".into(), key: format!("{i}.csv"), version: "".into(), sequencer: None, size: 0 };
        engine.execute(&Assignment { stage: stage.clone(), references: Default::default(), input: TaskInput::Object { location: Location::of_path(&format!("{d}/raw/{i}.csv")), object }, target: Target::File { location: Location::of_path(&format!("{d}/out2/{i}.parquet")), key: "k".into() }, cancelled: Default::default() }).unwrap();
    }
    println!("engine: {:?} each", t.elapsed() / n);
    }
    let t = Instant::now();
    let f = std::fs::File::open(format!("{d}/out2")).unwrap();
    for i in 0..n { std::fs::rename(format!("{d}/out2/{i}.parquet"), format!("{d}/out2/{i}.p")).unwrap(); f.sync_all().unwrap(); }
    println!("rename + dir sync: {:?}", t.elapsed() / n);
}
