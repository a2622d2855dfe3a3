import assert from "node:assert/strict";
import postgres, { type Sql } from "postgres";
import { ConnectionStack } from "./connection_stack.ts";
import { TurnstileTimeout } from "./turnstile.ts";

/** Clients that never connect: only who gets which of them is looked at. */
const clients = Array.from(
  { length: 3 },
  () => postgres("postgres://nobody@127.0.0.1:1/nothing", { max: 1 }),
);

Deno.test("one task after the other keeps to one connection", async () => {
  const stack = new ConnectionStack(clients, 1_000);
  const used = new Set<Sql>();
  for (let n = 0; n < 5; n++) await stack.use((sql) => Promise.resolve(used.add(sql)));
  assert.ok(used.size === 1 && used.has(clients[0]!));
});

Deno.test("tasks at the same time never share a connection, and the one given back last comes next", async () => {
  const stack = new ConnectionStack(clients, 1_000);
  const ends = clients.map(() => Promise.withResolvers<void>());
  const used: Sql[] = [];
  const tasks = ends.map(({ promise }) =>
    stack.use((sql) => {
      used.push(sql);
      return promise;
    })
  );
  assert.ok(used.every((sql, n) => sql === clients[n]) && used.length === clients.length);
  for (const n of [0, 2, 1]) {
    ends[n]!.resolve();
    await tasks[n];
  }
  assert.equal(await stack.use((sql) => Promise.resolve(sql === clients[1])), true);
});

Deno.test("a connection whose task failed is handed out again", async () => {
  const stack = new ConnectionStack(clients.slice(0, 1), 1_000);
  await assert.rejects(() => stack.use(() => Promise.reject(new Error("failed"))), /failed/);
  assert.equal(await stack.use((sql) => Promise.resolve(sql === clients[0])), true);
});

Deno.test("whoever waits too long for a connection is refused", async () => {
  const stack = new ConnectionStack(clients.slice(0, 1), 20);
  const end = Promise.withResolvers<void>();
  const first = stack.use(() => end.promise);
  await assert.rejects(() => stack.use(() => Promise.resolve()), TurnstileTimeout);
  end.resolve();
  await first;
});
