import assert from "node:assert/strict";
import { withYard, type Yard } from "./yard.ts";

const WORKERS = 20;
const DRAWS_EACH = 30;
const BURST = 50;
const PER_SECOND = 40;

interface Draw {
  readonly granted: boolean;
  readonly wait_ms?: number;
}

async function drawAs(yard: Yard, accountId: string): Promise<Draw> {
  const [row] = await yard.sql`
    select trading.draw_budget(${accountId}, 'exit', 1, 0, clock_timestamp()) as draw`;
  return row!["draw"];
}

Deno.test("twenty workers of many accounts together never draw more than the exchange's bucket holds", async () => {
  await withYard("rate_budget", async (yard) => {
    await yard.sql`
      update trading.rate_rules set burst = ${BURST}, per_second = ${PER_SECOND}, entry_reserve = 0, check_reserve = 0, ask_reserve = 0 where name = 'request_weight'`;
    const begin = performance.now();
    const draws = await Promise.all(Array.from({ length: WORKERS }, async () => {
      const accountId = crypto.randomUUID();
      const mine: Draw[] = [];
      for (let n = 0; n < DRAWS_EACH; n++) mine.push(await drawAs(yard, accountId));
      return mine;
    }));
    const seconds = (performance.now() - begin) / 1_000;

    const granted = draws.flat().filter((draw) => draw.granted).length;
    assert.ok(granted >= BURST, `only ${granted} were granted`);
    assert.ok(granted <= BURST + PER_SECOND * seconds, `${granted} granted within ${seconds} s`);
    assert.ok(draws.flat().some((draw) => !draw.granted && draw.wait_ms! > 0), "nobody had to wait");
  });
});
