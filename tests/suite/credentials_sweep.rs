//! Every call of a revocation, and of its way back, made to fail, time out and crash.

use crate::credentials::{AUDIT_KEY, KEY, STOLEN, bench, is_dead, key, request, role};
use crate::support::bench::Bench;
use crate::support::sweep::{Drill, again_after_every_crash, every_call, every_call_back};
use async_trait::async_trait;
use lazaret::engine::prepare::Request;
use lazaret::playbook::credentials::Credential;

/// One kind of containment, with what must be dead afterwards.
struct Revoke(fn() -> Credential, &'static str);

#[async_trait(?Send)]
impl Drill for Revoke {
    async fn stage(&self) -> (Bench, Request) {
        (bench(), Request::Credentials(Box::new(request(self.0()))))
    }

    fn holds(&self, bench: &Bench) -> bool {
        is_dead(bench, self.1)
    }
}

const USER_KEY: Revoke = Revoke(|| key(KEY, None, ""), KEY);
const FULL_USER: Revoke = Revoke(|| key(AUDIT_KEY, None, ""), AUDIT_KEY);
const ROLE: Revoke = Revoke(|| role("ec2rolle"), STOLEN);

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_key_revocation() {
    every_call(&USER_KEY).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_key_revocations_way_back() {
    every_call_back(&USER_KEY).await;
}

#[tokio::test(start_paused = true)]
async fn i3_a_key_revocation_again_after_every_crash() {
    again_after_every_crash(&USER_KEY).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_with_awss_own_policy() {
    every_call(&FULL_USER).await;
    every_call_back(&FULL_USER).await;
    again_after_every_crash(&FULL_USER).await;
}

#[tokio::test(start_paused = true)]
async fn i3_every_call_of_a_role_revocation() {
    every_call(&ROLE).await;
    every_call_back(&ROLE).await;
    again_after_every_crash(&ROLE).await;
}
