import assert from "node:assert/strict";
import type { BenchResult } from "../bench/result.ts";
import type { RealEnd } from "./real_end.ts";
import type { RealRun } from "./real_load.ts";
import { realFacts } from "./real_facts.ts";
import { realRows } from "./real_rows.ts";
import type { Sample } from "./sampler.ts";

const MB = 1_000_000;
const BOOKS = { ledger_imbalance: 0, positions_vs_fills: 0, jobs_left: 0 };

function sample(n: number): Sample {
  return {
    seconds: 10 * n,
    workers: [{ resident: 90 * MB, own: 50 * MB }, { resident: 80 * MB, own: 40 * MB }],
    main: { resident: 200 * MB, own: 150 * MB },
    mainHeap: 60 * MB,
    database: 300 * MB,
    sessions: 20,
    load: 1,
    queue: n % 3,
    paperPositions: 50,
    livePositions: 50,
    alerts: {},
  };
}

const END: RealEnd = {
  result: {
    scenario: "soak",
    signals: 100,
    opened: 90,
    closed: 90,
    denied: 10,
    failed: 0,
    unknown: 0,
    unfilled: 0,
    error_rate_percent: 0,
    latency_ms: { p50: 1, p95: 2, p99: 3 },
    books: BOOKS,
    pnl: { realized: "0", fees: "0" },
    market: "synthetic",
    seed: 1,
    workers: 1,
  },
  compared: { orders: 10, fills: 10, assets: 5 },
  differences: [],
  leaks: [],
  alerts: [{ code: "stop_overshoot", severity: "warning", raised: 3, unresolved: 3 }],
  critical: [],
  exits: {},
  left: { positions: 0, orders: 0, jobs: 0 },
  troubles: {},
};

const RUN: RealRun = {
  samples: Array.from({ length: 100 }, (_, n) => sample(n)),
  tallies: [{ name: "claim_jobs", calls: 10, totalMs: 20 }],
  idle: null,
  tables: [[], []],
  end: END,
};

function rows(run: RealRun): Record<string, BenchResult> {
  return Object.fromEntries(realRows(run, 100).map((row) => [row.name, row]));
}

/** The rows that miss when the run is changed like this. */
function missed(change: Partial<RealRun>): string[] {
  return Object.values(rows({ ...RUN, ...change })).filter(({ pass }) => pass === false).map(({ name }) =>
    name
  );
}

Deno.test("a run in which all is right reaches every target", () => {
  assert.deepEqual(missed({}), []);
  assert.equal(rows(RUN)["worker_resident_max"]?.value, 90, "of two workers the larger one counts");
});

Deno.test("a worker beyond 100 MB misses, even once", () => {
  const samples = RUN.samples.with(40, { ...sample(40), workers: [{ resident: 101 * MB, own: 60 * MB }] });
  assert.deepEqual(missed({ samples }), ["worker_resident_max"]);
});

Deno.test("memory that grows misses: the worker's, the stack's, the database's", () => {
  const grown = (n: number) => Math.round((1 + n / 100) * 40 * MB);
  const samples = RUN.samples.map((one, n) => ({
    ...one,
    workers: [{ resident: grown(n), own: 0 }],
    main: { resident: grown(n), own: 0 },
    database: grown(n),
  }));
  assert.deepEqual(missed({ samples }), [
    "worker_resident_drift",
    "main_resident_drift",
    "database_private_drift",
  ]);
});

Deno.test("a load that held too few positions shows nothing about a hundred", () => {
  const samples = RUN.samples.map((one) => ({ ...one, livePositions: 30 }));
  assert.deepEqual(missed({ samples }), ["real_open_positions_p50"]);
});

Deno.test("a hot command over ten milliseconds misses; one that was never called is not measured", () => {
  const tallies = [{ name: "sweep", calls: 2, totalMs: 21 }, { name: "answer_call", calls: 0, totalMs: 0 }];
  assert.deepEqual(missed({ tallies }), ["real_sweep_mean"]);
  assert.equal(rows({ ...RUN, tallies })["real_answer_call_mean"]?.value, null);
  const waits = [{ name: "lock_portfolio", calls: 2, totalMs: 50 }];
  assert.deepEqual(missed({ tallies: waits }), [], "a wait is in the commands that wait");
});

Deno.test("books that differ, what is left, a difference to the exchange and a critical alert miss", () => {
  const missedAt = (end: Partial<RealEnd>) => missed({ end: { ...END, ...end } });
  assert.deepEqual(missedAt({ result: { ...END.result, books: { ...BOOKS, ledger_imbalance: 1 } } }), [
    "real_books_ledger_imbalance",
  ]);
  assert.deepEqual(missedAt({ left: { positions: 0, orders: 0, jobs: 1 } }), ["real_left_jobs"]);
  assert.deepEqual(missedAt({ differences: ["USDT: the ledger says 1, the exchange 2"] }), [
    "real_exchange_differences",
  ]);
  assert.deepEqual(missedAt({ leaks: ["BTC 1"] }), ["real_simulator_leaks"]);
  const alert = { code: "coins_missing", severity: "critical", raised: 2 };
  assert.deepEqual(missedAt({ alerts: [{ ...alert, unresolved: 1 }] }), ["real_critical_alerts_unresolved"]);
  assert.deepEqual(missedAt({ alerts: [{ ...alert, unresolved: 0 }] }), []);
});

Deno.test("an execution that failed misses, and an error rate over a tenth of a percent", () => {
  const end = { ...END, result: { ...END.result, failed: 1, error_rate_percent: 1.1 } };
  assert.deepEqual(missed({ end }), ["real_error_rate", "real_failed_and_dead_jobs"]);
});

Deno.test("tables that grow in the second half are named, the fastest first", () => {
  const size = (name: string, rows: number, bytes: number) => ({ name, rows, bytes });
  const tables: RealRun["tables"] = [
    [size("a.kept", 100, 1_000), size("a.log", 100, 1_000), size("a.big_log", 1_000, 5_000)],
    [
      size("a.kept", 105, 1_000),
      size("a.log", 200, 2_000),
      size("a.big_log", 2_000, 50_000),
      size("a.new", 60, 500),
    ],
  ];
  const { growing } = realFacts({ ...RUN, tables }, 60);
  assert.deepEqual(growing.map(({ name, rowsPerHour }) => [name, rowsPerHour]), [
    ["a.big_log", 2_000],
    ["a.log", 200],
    ["a.new", 120],
  ]);
});
