#![allow(missing_docs)]
use lakegate_model::pipeline::*;
use lakegate_model::*;
use lakegate_worker::engine::{Assignment, Engine, EngineOptions, Target, TaskInput};
use std::io::Write;
use std::sync::Arc;
fn status() -> String {
    std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .filter(|l| l.starts_with("VmHWM") || l.starts_with("Rss"))
        .collect::<Vec<_>>()
        .join("; ")
}
#[test]
fn big() {
    let d = std::env::var("BIG").unwrap();
    std::fs::create_dir_all(&d).unwrap();
    let p = format!("{d}/big.csv");
    let mut f = std::io::BufWriter::new(std::fs::File::create(&p).unwrap());
    writeln!(f, "id,carrier,delay,name,distance,k").unwrap();
    for i in 0..6_000_000u64 {
        writeln!(f, "{i},UA,{},some name or other that is long {i},{}.5,{}", i % 60, i % 3000, i % 12 + 1).unwrap();
    }
    drop(f);
    println!("{} MB, {}", std::fs::metadata(&p).unwrap().len() >> 20, status());
    let engine = Engine::new(EngineOptions { scratch: format!("{d}/s").into(), slot_memory: 512 << 20 });
    let st = |q: &str| {
        Arc::new(Stage {
            name: "x".into(),
            trigger: Trigger::Object,
            input: Input::default(),
            steps: vec![Step::Transform(Transform {
                work: TransformWork::Sql(Sql { text: q.into(), file: None }),
                references: Default::default(),
                timeout: std::time::Duration::from_secs(1),
            })],
            output: Output { zone: Zone::Stage },
            retry: RetryPolicy::default(),
        })
    };
    for (q, part) in
        [("SELECT id, carrier, delay + 1 AS delay, name, k FROM input WHERE delay > 5", false), ("SELECT id, name, k FROM input", true)]
    {
        let object = ObjectVersion { bucket: "raw".into(), key: "big.csv".into(), version: "".into(), sequencer: None, size: 0 };
        let target = if part {
            Target::Table {
                staging: Location::of_path(&format!("{d}/t")),
                root: "r".into(),
                partition_by: vec!["k".into()],
                execution: ExecutionId::from_text("ex-1"),
            }
        } else {
            Target::File { location: Location::of_path(&format!("{d}/o.parquet")), key: "o".into() }
        };
        let t = std::time::Instant::now();
        let o = engine
            .execute(&Assignment {
                stage: st(q),
                references: Default::default(),
                input: TaskInput::Object { location: Location::of_path(&p), object },
                target,
                cancelled: Default::default(),
            })
            .unwrap();
        println!("{:?} in {} out {} files {} {}", t.elapsed(), o.rows_in, o.rows_out, o.files.len(), status());
    }
}
