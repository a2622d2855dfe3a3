import assert from "node:assert/strict";
import { cloneDatabase } from "../harness/database.ts";
import { playLiveDay } from "./live_day.ts";
import { playPaperDay } from "./paper_day.ts";

const QUIET = { seed: 7, afterStep: () => Promise.resolve() };

function isZero(counts: Readonly<Record<string, number>>): void {
  assert.deepEqual(Object.entries(counts).filter(([, count]) => count !== 0), []);
}

Deno.test("some calm minutes of live trading in virtual time keep every invariant", async () => {
  await using database = await cloneDatabase("live day");
  const { wrong, happened, steps } = await playLiveDay(database, { ...QUIET, hours: 0.1 });
  isZero(wrong);
  assert.equal(steps, 72);
  assert.ok(happened["positions_opened"]! > 3 && happened["account_checks"]! > 5, JSON.stringify(happened));
});

Deno.test("a live day whose books were spoilt is found out", async () => {
  await using database = await cloneDatabase("spoilt day");
  const day = playLiveDay(database, { ...QUIET, hours: 0.02 }, async ({ sql }) => {
    await sql`update trading.balances set amount = amount + 1 where asset = 'USDT' and bucket = 'cash'`;
  });
  const { wrong, words } = await day;
  assert.ok(wrong["invariants"]! > 0, JSON.stringify(wrong));
  assert.match(words.join(), /books_are_zero|exchange_is_the_ledger/);
  assert.ok(wrong["books_after_prune_ledger_imbalance"]! > 0);
});

Deno.test("who lost too much stays stopped until midnight in UTC and may go on afterwards", async () => {
  await using database = await cloneDatabase("paper day");
  const startsAt = Date.UTC(2026, 10, 22, 23, 40);
  const { wrong, rollOver } = await playPaperDay(database, { ...QUIET, hours: 0.4, startsAt });
  isZero(wrong);
  assert.deepEqual([rollOver?.wasRefusedBefore, rollOver?.wasResumedAfter], [true, true]);
  assert.ok(rollOver!.openedAfter > 0);
});
