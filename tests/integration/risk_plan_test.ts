import assert from "node:assert/strict";
import postgres, { type Sql } from "postgres";
import { listSymbols, range, steadyQuote, SYMBOL_COUNT, symbolOf } from "../../scripts/bench/desk.ts";
import { fillBusyDay } from "../../scripts/bench/risk_fill.ts";
import { applyTick } from "../../scripts/lib/desk.ts";
import { cloneDatabase } from "../harness/database.ts";

/** From the sixth execution on the server may keep a generic plan, which must be no worse. */
const EXECUTIONS = 12;
/** A table of fewer rows is read whole by any sane plan. */
const SMALL = 100;
/** Far above what it takes, far below what a plan that reads a day of positions takes. */
const MOST_BLOCKS = 3_000;

interface Scan {
  readonly table: string;
  readonly rows: number;
}

/** Tables that the transaction so far has read from one end to the other, and how many rows it met there. */
async function wholeReads(sql: Sql): Promise<Scan[]> {
  const rows = await sql<Scan[]>`
    select x.schemaname || '.' || x.relname as "table", c.reltuples::int as rows
    from pg_stat_xact_user_tables x join pg_class c on c.oid = x.relid
    where x.seq_scan > 0 and c.reltuples > ${SMALL} order by 1`;
  return rows.map((row) => ({ ...row }));
}

async function withBusyDay(body: (sql: Sql, signalId: string) => Promise<void>): Promise<void> {
  const database = await cloneDatabase("risk_plan");
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    await listSymbols(sql, SYMBOL_COUNT);
    await applyTick(sql, range(SYMBOL_COUNT).map((n) => steadyQuote(symbolOf(n), 0, Date.now())));
    await body(sql, await fillBusyDay(database.adminUrl, { open: 200, closedToday: 10_000 }));
  } finally {
    await sql.end({ timeout: 2 });
    await database.drop();
  }
}

const EVALUATE = `select (trading.assess_entry(s, t, now()) ->> 'passed')::boolean as passed
  from public.signals s join public.traders t on t.id = s.trader_id where s.id = $1`;

Deno.test("an evaluation beside 200 open and 10,000 closed positions reads no table whole, whichever plan is used", async () => {
  await withBusyDay(async (sql, signalId) => {
    for (let n = 0; n < EXECUTIONS; n++) {
      const scans = await sql.begin(async (tx) => {
        const [row] = await tx.unsafe(EVALUATE, [signalId]);
        assert.equal(row!["passed"], true);
        return await wholeReads(tx as unknown as Sql);
      });
      assert.deepEqual(scans, [], `execution ${n + 1}`);
    }
    const [plan] = await sql.unsafe(
      `explain (analyze, buffers, format json) ${EVALUATE.replace("$1", `'${signalId}'`)}`,
    );
    const blocks = plan!["QUERY PLAN"][0].Plan["Shared Hit Blocks"] as number;
    assert.ok(blocks > 0 && blocks < MOST_BLOCKS, `it touched ${blocks} blocks`);
  });
});

Deno.test("neither the watch nor a losing close reads the closed positions, whichever plan is used", async () => {
  await withBusyDay(async (sql) => {
    for (const mode of ["force_custom_plan", "force_generic_plan"]) {
      const scans = await sql.begin(async (tx) => {
        await tx`select set_config('plan_cache_mode', ${mode}, true)`;
        await tx`select trading.watch_losses()`;
        await tx`select trading.note_closed_position(p, -5, now()) from public.positions p where p.id = md5('closed7')::uuid`;
        return await wholeReads(tx as unknown as Sql);
      });
      assert.deepEqual(scans, [], mode);
    }
  });
});

Deno.test("the instrument sees a table that is read whole", async () => {
  await withBusyDay(async (sql) => {
    const scans = await sql.begin(async (tx) => {
      await tx`select sum(realized_pnl) from public.positions`;
      return await wholeReads(tx as unknown as Sql);
    });
    assert.deepEqual(scans.map(({ table }) => table), ["public.positions"]);
  });
});
