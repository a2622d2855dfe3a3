/** Every SQL statement of the operations page and of README, as the database owner would run it from there, on a desk that trades live. */
import assert from "node:assert/strict";
import postgres, { type TransactionSql } from "postgres";
import { hireTrader, hireUser } from "../../scripts/lib/desk.ts";
import { rowsUnder } from "../../scripts/lib/gates/page_tables.ts";
import { projectRoot } from "../../scripts/lib/project.ts";
import { HELD, TroubledDesk } from "../contract/troubled_desk.ts";

/** What is refused on a desk where nothing is wrong, by the beginning of the statement. */
const REFUSED: Readonly<Record<string, string>> = {
  "select public.adopt_external_fill": "nothing_missing",
  "select public.write_off": "nothing_missing",
  "select public.release": "not_quarantined",
};

/** What a transaction said about who calls ends with it. */
const COMMIT = "select set_config('request.jwt.claims', '', true)";

/** The statements in fenced blocks and between backticks; the page's own transactions are one with the test's. */
function statementsOf(page: string): string[] {
  const blocks = [...page.matchAll(/^ *```sql\n(.*?)^ *```/gms)].map(([, block]) => block!);
  const inline = [...page.replaceAll(/^ *```.*?^ *```/gms, "").matchAll(/`((?:select|update)\s[^`]*)`/g)]
    .map(([, statement]) => statement!);
  return [...blocks.flatMap((block) => block.replaceAll(/--.*$/gm, "").split(";")), ...inline]
    .map((statement) => statement.replaceAll(/\s+/g, " ").trim())
    .filter((statement) => !["", "begin"].includes(statement))
    .map((statement) => statement === "commit" ? COMMIT : statement);
}

async function readPage(path: string): Promise<string> {
  return await Deno.readTextFile(`${projectRoot}${path}`);
}

async function placeholdersOf(desk: TroubledDesk): Promise<Record<string, string>> {
  const [row] = await desk.floor.sql`
    select p.id as position, o.id as order, p.account_id as account, a.portfolio_id as portfolio
    from public.positions p join trading.accounts a on a.id = p.account_id
    join public.orders o on o.position_id = p.id and o.role = 'stop_loss'`;
  return {
    ...row,
    uid: "4711",
    key: "k".repeat(64),
    secret: "s".repeat(64),
    "the secret": "i".repeat(64),
    who: "the owner",
    why: "mended",
    ref: "abcdefghijklmnopqrst",
  };
}

/** `done`, the code of a refusal, or what the database has against it. */
async function resultOf(transaction: TransactionSql, statement: string): Promise<string> {
  try {
    await transaction.savepoint((tx) => tx.unsafe(statement));
    return "done";
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error;
    return error.code.startsWith("FB") ? error.message.split(/[: ]/, 1)[0]! : error.message;
  }
}

Deno.test("every statement of the operations page and README does what it says, or is refused because nothing is wrong", async () => {
  await using desk = await TroubledDesk.holding();
  const { sql } = desk.floor;
  const demo = await hireUser(sql, "demo@fillbase.test");
  await hireTrader(sql, {
    userId: demo.id,
    name: "Momentum",
    settings: {},
    limits: { max_position_quote: 100 },
  });
  const owner = await hireUser(sql, "new@floor.test");
  const values: Record<string, string> = {
    ...await placeholdersOf(desk),
    user: owner.id,
    trader: await hireTrader(sql, { userId: owner.id, name: "New", limits: { max_position_quote: 40 } }),
  };
  const pages = await Promise.all(["docs/operations.md", "README.md"].map(readPage));
  const statements = pages.flatMap(statementsOf)
    .map((statement) => statement.replaceAll(/<([a-z ]+)>/g, (whole, name) => values[name] ?? whole));
  assert.ok(statements.length >= 35, `only ${statements.length} statements were found`);

  const results = await sql.begin(async (tx) => {
    const told: string[] = [];
    for (const statement of statements) {
      const expected = Object.entries(REFUSED).find(([start]) => statement.startsWith(start))?.[1] ?? "done";
      const result = await resultOf(tx, statement);
      if (result !== expected) told.push(`${statement}: ${result}`);
    }
    return told;
  });
  assert.deepEqual(results, []);
  assert.equal((await desk.position()).quantity, HELD);
});

Deno.test("the database owner sees how far a stop got that only the owner could give", async () => {
  await using desk = await TroubledDesk.open();
  const { sql } = desk.floor;
  await sql`select public.stop_trading('everyone', null, 'halt', 'nothing else can be reached')`;
  assert.equal((await sql`select 1 from public.stop_progress where halted_at is not null`).length, 1);
  assert.equal(
    (await sql`select 1 from public.trading_states where scope = 'system' and state = 'halted'`).length,
    1,
  );
});

Deno.test("the operations page has every limit, and no other", async () => {
  await using desk = await TroubledDesk.open();
  const [row] = await desk.floor.sql<{ names: string[] }[]>`select trading.limit_names() as names`;
  const told = rowsUnder(await readPage("docs/operations.md"), "limit").flatMap(({ names }) => names);
  assert.deepEqual(told.toSorted(), row!.names.toSorted());
});

Deno.test("the operations page has the code of every risk rule", async () => {
  const rules = await readPage("supabase/migrations/20261122001030_risk_rules.sql");
  const suffix = String.raw`(?: \|\| p_suffix)?`;
  const codes = [...rules.matchAll(new RegExp(String.raw`^ +\('\w+'${suffix}, '(\w+)'${suffix},`, "gm"))]
    .map(([, code]) => code!.replace(/_all$/, ""));
  assert.ok(codes.length >= 40, `only ${codes.length} rules were found`);
  const told = rowsUnder(await readPage("docs/operations.md"), "code").flatMap(({ names }) => names);
  const isTold = (code: string) =>
    told.some((name) => name === code || (name.endsWith("…") && code.startsWith(name.slice(0, -1))));
  assert.deepEqual(codes.filter((code) => !isTold(code)), []);
});
