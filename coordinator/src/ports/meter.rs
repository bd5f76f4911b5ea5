//! The meter: who pays for the requests that adapters make.
//!
//! ```text
//!   made for one run (its promotion, its manifest) ───────────────────────────► the run
//!   made for a stage (its ledger writes and reads) ──► the stage's pool ─┐ when a run ends it takes
//!   made for all (receiving from a queue, listing) ──► the common pool   │ its part, by its objects among
//!                        divided among the stages of what arrives next ──┘ those under way in the stage
//! ```
//!
//! So the amounts kept with the runs, and what waits in the pools, are together what was counted.
//! A pool is memory: what has not been divided when the coordinator ends is not kept.
//!
//! An adapter only says what it has asked for; whom for is told by the task that it runs in. What
//! runs in another task (a poller, a writer) is for all, unless it says otherwise.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lakegate_model::{StageKey, cost::Requests};

tokio::task_local! {
    /// Who pays for what this task asks for.
    static PAYER: Payer;
}

#[derive(Clone)]
enum Payer {
    Run(Arc<Mutex<Requests>>),
    Stage(StageKey),
}

/// Counts what adapters ask for, and divides it. Cheap to clone; clones are the same meter.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Pools>>);

#[derive(Debug, Default)]
struct Pools {
    common: Requests,
    stages: BTreeMap<StageKey, Requests>,
}

/// What work asks for while it is carried out, for one run alone, whichever meter counts it.
pub async fn for_run<T>(work: impl Future<Output = T>) -> (T, Requests) {
    let own = Arc::new(Mutex::new(Requests::default()));
    let done = PAYER.scope(Payer::Run(Arc::clone(&own)), work).await;
    let requests = std::mem::take(&mut *own.lock().unwrap_or_else(PoisonError::into_inner));
    (done, requests)
}

/// Work whose requests a stage pays for, unless a run does already.
pub async fn for_stage<T>(stage: &StageKey, work: impl Future<Output = T>) -> T {
    let payer = match PAYER.try_with(Payer::clone) {
        Ok(run @ Payer::Run(_)) => run,
        _ => Payer::Stage(stage.clone()),
    };
    PAYER.scope(payer, work).await
}

impl Meter {
    /// Counts an amount of a meter, in thousandths, for whoever pays in this task.
    pub fn count(&self, meter: &str, thousandths: u64) {
        match PAYER.try_with(Payer::clone) {
            Ok(Payer::Run(own)) => own.lock().unwrap_or_else(PoisonError::into_inner).add(meter, thousandths),
            Ok(Payer::Stage(stage)) => self.pools().stages.entry(stage).or_default().add(meter, thousandths),
            Err(_) => self.pools().common.add(meter, thousandths),
        }
    }

    /// Adds to a stage's pool what no run took.
    pub fn give_back(&self, stage: &StageKey, requests: &Requests) {
        if !requests.is_empty() {
            self.pools().stages.entry(stage.clone()).or_default().merge(requests);
        }
    }

    /// Divides what was asked for for all among stages, by how many objects came to them.
    pub fn arrived(&self, arrivals: &BTreeMap<StageKey, u64>) {
        let mut pools = self.pools();
        let weights: Vec<u64> = arrivals.values().copied().collect();
        let shares = pools.common.divide(&weights);
        for (stage, share) in arrivals.keys().zip(shares) {
            pools.stages.entry(stage.clone()).or_default().merge(&share);
        }
    }

    /// What runs of a stage that end have to pay: their part of its pool, by their objects. The parts
    /// of the `others`, the objects of runs that are not over, stay for these.
    pub fn ended(&self, stage: &StageKey, objects: &[u64], others: u64) -> Vec<Requests> {
        let Some(pool) = self.pools().stages.get_mut(stage).map(std::mem::take) else {
            return vec![Requests::default(); objects.len()];
        };
        let (mut rest, mut weights) = (pool, objects.to_vec());
        weights.push(others);
        let mut shares = rest.divide(&weights);
        if let Some(share) = shares.pop() {
            rest.merge(&share);
        }
        self.give_back(stage, &rest);
        shares
    }

    /// What no run has paid for yet.
    pub fn open(&self) -> Requests {
        let pools = self.pools();
        let mut open = pools.common.clone();
        pools.stages.values().for_each(|pool| open.merge(pool));
        open
    }

    fn pools(&self) -> MutexGuard<'_, Pools> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use lakegate_model::DatasetId;

    use super::*;

    fn stage(name: &str) -> StageKey {
        StageKey::new(DatasetId::new("shop", "orders"), name)
    }

    fn of(amounts: &[(&str, u64)]) -> Requests {
        amounts.iter().copied().collect()
    }

    #[tokio::test]
    async fn requests_are_paid_for_by_whom_they_are_made() {
        let meter = Meter::default();
        let (_, own) = for_run(async {
            meter.count("s3:CopyObject", 1_000);
            for_stage(&stage("clean"), async { meter.count("dynamodb:GetItem", 1_000) }).await;
        })
        .await;
        assert_eq!(own, of(&[("dynamodb:GetItem", 1_000), ("s3:CopyObject", 1_000)]));
        assert!(meter.open().is_empty());
        for_stage(&stage("clean"), async { meter.count("dynamodb:PutItem", 3_000) }).await;
        assert_eq!(meter.ended(&stage("daily"), &[1], 0), [Requests::default()]);
        let puts = |amount| of(&[("dynamodb:PutItem", amount)]);
        assert_eq!(meter.ended(&stage("clean"), &[1], 2), [puts(1_000)], "two others are still to pay");
        assert_eq!(meter.ended(&stage("clean"), &[1, 3], 0), [puts(500), puts(1_500)]);
        assert!(meter.open().is_empty());
    }

    #[tokio::test]
    async fn what_is_for_all_goes_to_the_stages_of_what_arrives() {
        let meter = Meter::default();
        meter.count("sqs:ReceiveMessage", 1_000);
        meter.arrived(&[(stage("clean"), 1), (stage("daily"), 3)].into());
        meter.give_back(&stage("clean"), &of(&[("s3:GetObject", 1_000)]));
        assert_eq!(meter.open(), of(&[("s3:GetObject", 1_000), ("sqs:ReceiveMessage", 1_000)]));
        assert_eq!(meter.ended(&stage("clean"), &[1], 0), [of(&[("s3:GetObject", 1_000), ("sqs:ReceiveMessage", 250)])]);
        assert_eq!(meter.ended(&stage("daily"), &[3], 0), [of(&[("sqs:ReceiveMessage", 750)])]);
        assert!(meter.open().is_empty());
    }
}
