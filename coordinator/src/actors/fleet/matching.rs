//! Who gets the next parcel: a fair and cheap match between stages that have work and workers
//! that have room. Pure: it is given what is known and says who gets what.

use std::collections::{BTreeMap, VecDeque};

use lakegate_model::{DatasetId, StageKey, WorkerId};

/// Input bytes up to which a task counts as small: small tasks share parcels and may wait at a
/// worker whose slots are busy; a large one is only given to a slot that is free.
pub(crate) const SMALL_TASK_BYTES: u64 = 1 << 20;
/// The most tasks in a parcel.
pub(crate) const PARCEL_TASKS: usize = 32;

/// A worker as the match sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Parcels it may still be sent.
    pub credits: u32,
    /// Tasks it runs at once.
    pub slots: u32,
    /// Parcels it has.
    pub parcels: u32,
}

/// What a stage could start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Executions that may start now.
    pub ready: usize,
    /// Whether the first of them is small.
    pub small: bool,
}

/// Stages with work, in the order in which their datasets take turns.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    datasets: VecDeque<DatasetId>,
    demands: BTreeMap<StageKey, Demand>,
}

impl Turns {
    /// What a stage could start from now on.
    pub(crate) fn set(&mut self, stage: &StageKey, demand: Demand) {
        if demand.ready == 0 {
            self.demands.remove(stage);
            return;
        }
        self.demands.insert(stage.clone(), demand);
        if !self.datasets.contains(&stage.dataset) {
            self.datasets.push_back(stage.dataset.clone());
        }
    }

    /// The next match, if there is one: the dataset whose turn it is and that has something for a
    /// worker with room goes to the end of the line; of its stages the latest goes first, so that
    /// what is nearly done leaves the lake before new work comes in. `size` is how many of the
    /// stage's executions share the parcel.
    pub(crate) fn next(&mut self, workers: &BTreeMap<WorkerId, Room>) -> Option<(StageKey, WorkerId, usize)> {
        self.datasets.retain(|dataset| self.demands.keys().any(|stage| stage.dataset == *dataset));
        for turn in 0..self.datasets.len() {
            let dataset = self.datasets.get(turn)?.clone();
            let stages: Vec<(StageKey, Demand)> =
                self.demands.iter().filter(|(stage, _)| stage.dataset == dataset).map(|(stage, demand)| (stage.clone(), *demand)).collect();
            for (stage, demand) in stages {
                let Some(worker) = freest(workers, demand.small) else { continue };
                let size = share(demand, workers);
                self.set(&stage, Demand { ready: demand.ready.saturating_sub(size), ..demand });
                self.datasets.remove(turn);
                self.datasets.push_back(dataset);
                return Some((stage, worker, size));
            }
        }
        None
    }
}

/// The worker with most free slots; for small tasks one whose slots are busy will do if it may
/// still be sent a parcel.
fn freest(workers: &BTreeMap<WorkerId, Room>, small: bool) -> Option<WorkerId> {
    let open = workers.iter().filter(|(_, room)| room.credits > 0 && (small || room.parcels < room.slots));
    open.max_by_key(|(_, room)| i64::from(room.slots) - i64::from(room.parcels)).map(|(worker, _)| worker.clone())
}

/// How many share a parcel: few enough that every slot in the fleet gets some of what is ready.
fn share(demand: Demand, workers: &BTreeMap<WorkerId, Room>) -> usize {
    let slots: u32 = workers.values().map(|room| room.slots).sum();
    let even = demand.ready.div_ceil(usize::try_from(slots.max(1)).unwrap_or(1));
    if demand.small { even.clamp(1, PARCEL_TASKS) } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(dataset: &str, name: &str) -> StageKey {
        StageKey::new(DatasetId::new("nyc", dataset), name)
    }

    fn workers(rooms: &[(&str, u32, u32, u32)]) -> BTreeMap<WorkerId, Room> {
        rooms
            .iter()
            .map(|(name, credits, slots, parcels)| {
                (WorkerId::from_text(*name), Room { credits: *credits, slots: *slots, parcels: *parcels })
            })
            .collect()
    }

    #[test]
    fn datasets_take_turns_however_much_one_has() {
        let mut turns = Turns::default();
        turns.set(&stage("big", "clean"), Demand { ready: 1_000_000, small: true });
        turns.set(&stage("little", "clean"), Demand { ready: 5, small: true });
        let workers = workers(&[("w", 9, 1, 0)]);
        let order: Vec<String> = (0..4).filter_map(|_| turns.next(&workers)).map(|(stage, ..)| stage.dataset.dataset).collect();
        assert_eq!(order, ["big", "little", "big", "big"]);
    }

    #[test]
    fn small_tasks_are_shared_out_and_large_ones_go_alone_to_a_free_slot() {
        let mut turns = Turns::default();
        turns.set(&stage("a", "clean"), Demand { ready: 8, small: true });
        let two = workers(&[("w1", 2, 2, 0), ("w2", 2, 2, 0)]);
        assert_eq!(turns.next(&two).map(|(.., size)| size), Some(2));

        let mut turns = Turns::default();
        turns.set(&stage("a", "clean"), Demand { ready: 8, small: false });
        assert_eq!(turns.next(&workers(&[("w1", 1, 2, 2)])), None, "all slots are busy");
        let (_, worker, size) = turns.next(&workers(&[("w1", 1, 2, 2), ("w2", 3, 2, 1)])).expect("a slot is free");
        assert_eq!((worker.as_str(), size), ("w2", 1));
    }

    #[test]
    fn nothing_is_matched_without_credit_or_work() {
        let mut turns = Turns::default();
        assert_eq!(turns.next(&workers(&[("w", 1, 1, 0)])), None);
        turns.set(&stage("a", "clean"), Demand { ready: 1, small: true });
        assert_eq!(turns.next(&workers(&[("w", 0, 1, 0)])), None);
        turns.set(&stage("a", "clean"), Demand::default());
        assert_eq!(turns.next(&workers(&[("w", 1, 1, 0)])), None);
    }
}
