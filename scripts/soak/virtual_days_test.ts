import assert from "node:assert/strict";
import { type VirtualDay, virtualFacts, virtualRows } from "./virtual_days.ts";

const MB = 1_000_000;

const DAY: VirtualDay = {
  name: "paper",
  hours: 24,
  resident: Array.from({ length: 200 }, () => 150 * MB),
  paceMs: Array.from({ length: 200 }, () => 3_000),
  tables: [[], []],
  result: {
    steps: 17_280,
    wrong: { positions_left: 0, books_after_prune_ledger_imbalance: 0 },
    words: [],
    happened: { positions_closed: 12 },
    alerts: {},
    rollOver: { wasRefusedBefore: true, wasResumedAfter: true, openedAfter: 3 },
  },
};

function missed(change: Partial<VirtualDay["result"]>, day: Partial<VirtualDay> = {}): string[] {
  return virtualRows({ ...DAY, ...day, result: { ...DAY.result, ...change } })
    .filter(({ pass }) => pass === false).map(({ name }) => name);
}

Deno.test("a virtual day in which all is right reaches every target", () => {
  assert.deepEqual(missed({}), []);
  assert.deepEqual(virtualFacts(DAY).resident_tenths, Array(10).fill(150));
});

Deno.test("books that differ, positions left and a day without a trade miss", () => {
  assert.deepEqual(missed({ wrong: { positions_left: 2, books_after_prune_ledger_imbalance: 1 } }), [
    "virtual_paper_positions_left",
    "virtual_paper_books_after_prune_ledger_imbalance",
  ]);
  assert.deepEqual(missed({ happened: { positions_closed: 0 } }), ["virtual_paper_positions_closed"]);
});

Deno.test("memory that grows in the course of a virtual day misses", () => {
  const resident = DAY.resident.map((bytes, n) => bytes + n * MB);
  assert.deepEqual(missed({}, { resident }), ["virtual_paper_resident_drift"]);
});

Deno.test("a loss that does not end at midnight misses, and so does one that ends before it", () => {
  const rollOver = { wasRefusedBefore: false, wasResumedAfter: false, openedAfter: 0 };
  assert.deepEqual(missed({ rollOver }), [
    "virtual_roll_over_refused_before_midnight",
    "virtual_roll_over_resumed_after_midnight",
    "virtual_roll_over_opened_after_midnight",
  ]);
});

Deno.test("a day that does not reach midnight says that its change was not measured", () => {
  const rows = virtualRows({ ...DAY, result: { ...DAY.result, rollOver: null } });
  const change = rows.filter(({ name }) => name.startsWith("virtual_roll_over_"));
  assert.deepEqual(change.map(({ value, pass }) => [value, pass]), [[null, null], [null, null], [
    null,
    null,
  ]]);
});
