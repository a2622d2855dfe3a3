import assert from "node:assert/strict";
import { BUGS } from "./bugs.ts";
import { runSeed } from "./run_seed.ts";

/** Seeds that may be needed to find a bug, from the one on that found it when this was written. */
const WITHIN = 12;

/** For each bug a seed that meets it, and an invariant that says so. */
const FOUND: Readonly<Record<string, readonly [seed: number, invariant: string]>> = {
  resends_unknown: [2, "an_attempt_is_sent_once"],
  unknown_is_rejected: [5, "rejected_is_rejected"],
  one_look_proves_absence: [18, "absent_is_absent"],
  fills_counted_twice: [1, "fill_is_an_execution"],
  fills_dropped_after_cancel: [2, "no_fill_is_lost"],
  reservation_released_on_unknown: [1, "reservation_follows_its_order"],
  ended_stop_counts: [2, "position_is_guarded"],
  guard_before_fee: [4, "owners_coins_are_untouched"],
  permit_after_halt: [4, "no_permit_after_a_halt"],
  sells_foreign_coins: [1, "nothing_is_quarantined"],
  ignores_send_window: [4, "permit_is_bounded_in_time"],
  wide_receive_window: [5088, "permit_is_bounded_in_time"],
  clock_measured_once: [16, "permit_goes_by_a_measured_clock"],
  no_engine_stop_on_part: [2, "open_quantity_has_engine_stop"],
  anothers_report: [1, "fill_is_an_execution"],
};

Deno.test("every planted bug has a seed that finds it", () => {
  assert.deepEqual(Object.keys(FOUND).sort(), Object.keys(BUGS).sort());
});

for (const [name, [first, invariant]] of Object.entries(FOUND)) {
  Deno.test(`the simulation finds it when ${BUGS[name]!.what}`, async () => {
    const found: string[] = [];
    for (let seed = first; seed < first + WITHIN && !found.includes(invariant); seed++) {
      const { failure } = await runSeed(seed, BUGS[name]);
      for (const violation of failure?.violations ?? []) found.push(violation.invariant);
    }
    assert.ok(found.includes(invariant), `${WITHIN} seeds found ${found.join(", ") || "nothing"}`);
  });
}
