import assert from "node:assert/strict";
import { every, pause, together } from "./timed_loop.ts";

Deno.test("the first task that fails ends the others, and its error is the outcome", async () => {
  let hasEnded = false;
  const running = together(new AbortController().signal, [
    (signal) => pause(60_000, signal).then(() => hasEnded = true),
    () => Promise.reject(new Error("the exchange is gone")),
  ]);
  await assert.rejects(running, /the exchange is gone/);
  assert.equal(hasEnded, true);
});

Deno.test("an interruption ends every task, and its reason is the outcome", async () => {
  const interrupted = new AbortController();
  let turns = 0;
  const running = together(interrupted.signal, [
    (signal) =>
      every(1, signal, () => {
        if (++turns === 3) interrupted.abort(new Error("ended by SIGINT"));
        return Promise.resolve();
      }),
    (signal) => pause(60_000, signal),
  ]);
  await assert.rejects(running, /ended by SIGINT/);
  assert.equal(turns, 3);
});

Deno.test("tasks that end by themselves are no failure", async () => {
  const over = AbortSignal.timeout(20);
  let turns = 0;
  await together(new AbortController().signal, [
    (signal) => every(1, AbortSignal.any([signal, over]), () => Promise.resolve(turns++)),
  ]);
  assert.ok(turns > 1);
});
