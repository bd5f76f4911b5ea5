use std::sync::Mutex;

use lakegate_model::{
    Location, StageKey, Timestamp,
    machine::execution::{ExecutionState, Rejected},
    table::OutputFile,
};

use super::*;

/// Runs, the newest first, how often they were read, and how many members of batches were.
#[derive(Default)]
struct Fake {
    runs: Mutex<Vec<Execution>>,
    reads: Mutex<usize>,
    members: Mutex<usize>,
}

fn object(number: u64) -> ObjectVersion {
    ObjectVersion { bucket: "raw".into(), key: format!("{number}.csv"), version: "1".into(), sequencer: None, size: 1 }
}

#[async_trait]
impl Runs for Fake {
    async fn list(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>> {
        assert!(filter.with_aside);
        *self.reads.lock().unwrap() += 1;
        let before: u64 = page.token.parse().unwrap_or(u64::MAX);
        let items: Vec<Execution> = self.runs.lock().unwrap().iter().filter(|run| run.seq < before).take(page.size + 1).cloned().collect();
        let next = if items.len() > page.size { items[page.size - 1].seq.to_string() } else { String::new() };
        Ok(Paged { items: items.into_iter().take(page.size).collect(), next })
    }

    async fn members_from(&self, _batch: &BatchId, from: usize, limit: usize) -> Result<Vec<Member>> {
        Ok(self.read(members().into_iter().skip(from).take(limit).collect()))
    }

    async fn members_named(&self, objects: &[ObjectId]) -> Result<Vec<Member>> {
        Ok(self.read(members().into_iter().filter(|member| objects.contains(&member.object.id())).collect()))
    }
}

impl Fake {
    fn read(&self, members: Vec<Member>) -> Vec<Member> {
        *self.members.lock().unwrap() += members.len();
        members
    }
}

/// The members of any batch.
fn members() -> Vec<Member> {
    let member = |number| Member { object: object(number), relative: number.to_string(), trace: TraceContext::default() };
    (100..107).map(member).collect()
}

fn run(seq: u64, subject: Subject, phase: Phase) -> Execution {
    Execution {
        id: ExecutionId::from_text(format!("ex-{seq}")),
        seq,
        stage: StageKey::parse("shop/orders/load").unwrap(),
        pipeline_version: 1,
        subject,
        state: ExecutionState { phase, ..ExecutionState::new(Timestamp(0)) },
        revision: 1,
        created_at: Timestamp(0),
        updated_at: Timestamp(9),
        trace: TraceContext::default(),
    }
}

fn of_object(seq: u64) -> Subject {
    Subject::Object { object: object(seq), relative: seq.to_string() }
}

fn batch() -> Subject {
    Subject::Batch { id: BatchId::from_text("ba-1"), objects: 7, bytes: 7 }
}

fn failure(code: FailureCode) -> Failure {
    Failure::new(code, "no")
}

fn fake() -> Fake {
    let aside =
        OutputFile { location: Location::new("file:///a"), key: "a".into(), partition: Vec::new(), rows: 3, bytes: 1, version: "1".into() };
    let rejected = [(100, FailureCode::UnreadableData), (103, FailureCode::ObjectChanged), (106, FailureCode::SchemaDrift)];
    let rejected = rejected.map(|(number, code)| Rejected { object: object(number).id(), failure: failure(code) }).to_vec();
    let split = Phase::Succeeded { output: TaskOutput { aside: Some(aside), rejected, ..TaskOutput::default() } };
    Fake {
        runs: Mutex::new(vec![
            run(4, batch(), split),
            run(3, of_object(3), Phase::Quarantined { failure: failure(FailureCode::SchemaDrift) }),
            run(2, batch(), Phase::Failed { failure: failure(FailureCode::QualityFailed) }),
            run(1, of_object(1), Phase::Failed { failure: failure(FailureCode::QualityFailed) }),
        ]),
        ..Fake::default()
    }
}

fn named(aside: &Aside) -> String {
    match aside {
        Aside::Rows(run) => run.id.to_string(),
        Aside::Object(record) => format!("{} {}", record.object.key, record.state.as_str()),
        Aside::Unrouted(_) | Aside::Event(_) => unreachable!(),
    }
}

async fn pages(fake: &Fake, kind: Option<Kind>, size: usize) -> Vec<String> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let (items, next) = of_runs(fake, &Filter::default(), kind, &Page { size, token }).await.unwrap();
        assert!(items.len() <= size);
        all.extend(items.iter().map(named));
        if next.is_empty() {
            return all;
        }
        token = next;
    }
}

#[tokio::test]
async fn pages_of_any_size_have_everything_once_and_say_what_became_of_it() {
    let fake = fake();
    let mut expected = vec!["ex-4".to_owned(), "100.csv quarantined".into(), "106.csv quarantined".into(), "3.csv quarantined".into()];
    expected.extend((100..107).map(|number| format!("{number}.csv failed")));
    expected.push("1.csv failed".into());
    for size in [1, 2, 3, 5, 12, 100] {
        assert_eq!(pages(&fake, None, size).await, expected, "pages of {size}");
    }
    assert_eq!(pages(&fake, Some(Kind::Rows), 2).await, ["ex-4"]);
    assert_eq!(pages(&fake, Some(Kind::Object), 4).await, expected[1..]);
}

#[tokio::test]
async fn what_ends_meanwhile_is_on_no_later_page() {
    let fake = fake();
    let (first, next) = of_runs(&fake, &Filter::default(), None, &Page { size: 2, token: String::new() }).await.unwrap();
    for seq in 5..9 {
        fake.runs.lock().unwrap().insert(0, run(seq, of_object(seq), Phase::Quarantined { failure: failure(FailureCode::SchemaDrift) }));
    }
    let (second, _) = of_runs(&fake, &Filter::default(), None, &Page { size: 2, token: next }).await.unwrap();
    let told: Vec<String> = first.iter().chain(&second).map(named).collect();
    assert_eq!(told, ["ex-4", "100.csv quarantined", "106.csv quarantined", "3.csv quarantined"]);
}

#[tokio::test]
async fn a_page_reads_so_much_and_no_more() {
    let fake = Fake::default();
    for seq in 0..500 {
        fake.runs.lock().unwrap().insert(0, run(seq, of_object(seq), Phase::Quarantined { failure: failure(FailureCode::SchemaDrift) }));
    }
    let (items, next) = of_runs(&fake, &Filter::default(), Some(Kind::Rows), &Page { size: 20, token: String::new() }).await.unwrap();
    assert_eq!((items.len(), *fake.reads.lock().unwrap()), (0, MOST_READS));
    assert!(!next.is_empty());
    let (items, _) = of_runs(&fake, &Filter::default(), None, &Page { size: 20, token: next }).await.unwrap();
    assert_eq!((items.len(), *fake.reads.lock().unwrap()), (20, MOST_READS + 1));
}

#[tokio::test]
async fn of_a_batch_only_the_members_on_the_page_are_read() {
    let fake = fake();
    let mut token = String::new();
    for page in 0..12 {
        let before = *fake.members.lock().unwrap();
        let (items, next) = of_runs(&fake, &Filter::default(), None, &Page { size: 1, token }).await.unwrap();
        let read = *fake.members.lock().unwrap() - before;
        assert!(items.len() == 1 && read <= 2, "{read} members were read for page {page}");
        token = next;
    }
    assert_eq!(token, "");
}
