//! How long decoding takes: 10,000 findings as Security Hub pages them, 100 a page.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lazaret::cloud::sandbox::Scenario;
use std::hint::black_box;

const FINDINGS: usize = 10_000;

/// Pages of findings as `GetFindings` answers them, made of the noisy scenario's.
fn pages() -> Vec<Vec<u8>> {
    let world = Scenario::load("noisy-morning").unwrap().build("2026-03-01T03:00:00Z".parse().unwrap(), 7).unwrap();
    let all: Vec<serde_json::Value> =
        world.scopes.values().flat_map(|place| place.findings.iter().map(|f| f.json.clone())).collect();
    let many: Vec<_> = all.iter().cycle().take(FINDINGS).cloned().collect();
    many.chunks(100).map(|page| serde_json::to_vec(&serde_json::json!({ "Findings": page })).unwrap()).collect()
}

fn decode(c: &mut Criterion) {
    let pages = pages();
    let bytes: usize = pages.iter().map(Vec::len).sum();
    let mut group = c.benchmark_group("decode");
    group.sample_size(20).throughput(Throughput::Elements(FINDINGS as u64));
    group.bench_function(format!("{FINDINGS} findings, {} MB", bytes / 1_000_000), |b| {
        b.iter_batched(
            || &pages,
            |pages| pages.iter().map(|p| lazaret::intake::decode_bytes(black_box(p)).unwrap().len()).sum::<usize>(),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
