//! Every call around an instance in service, made to fail, time out, and crash the process.

use super::{bench, isolated, request};
use crate::support::bench::{Bench, message};
use crate::support::sweep::{Drill, again_after_every_crash, every_call, every_call_back};
use async_trait::async_trait;
use lazaret::engine::prepare::Request;
use lazaret::ledger::RunState;
use lazaret::playbook::Action;

struct Fleet;

#[async_trait(?Send)]
impl Drill for Fleet {
    async fn stage(&self) -> (Bench, Request) {
        let bench = bench();
        let request = request(&bench);
        (bench, Request::Quarantine(Box::new(request)))
    }

    fn holds(&self, bench: &Bench) -> bool {
        isolated(bench)
    }

    fn claims(&self, run: &RunState) -> bool {
        run.plan.steps.iter().any(|s| matches!(s.action, Action::ReadBack { isolated: Some(_), .. }))
            && message(run).contains("is isolated")
    }
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_around_a_fleet_fails_times_out_and_crashes() {
    every_call(&Fleet).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_back_around_a_fleet_fails_times_out_and_crashes() {
    every_call_back(&Fleet).await;
}

#[tokio::test(start_paused = true)]
async fn i3_a_fleet_after_every_crash_again() {
    again_after_every_crash(&Fleet).await;
}
