import assert from "node:assert/strict";
import { Turnstile, TurnstileTimeout } from "./turnstile.ts";

Deno.test("no more tasks than places run at once, and the waiting ones go in order", async () => {
  const turnstile = new Turnstile(2, 10_000);
  const order: number[] = [];
  let running = 0;
  let most = 0;
  await Promise.all(Array.from({ length: 10 }, (_, index) =>
    turnstile.pass(async () => {
      order.push(index);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
    })));
  assert.equal(most, 2);
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("a task that waits too long is refused and takes no place", async () => {
  const turnstile = new Turnstile(1, 20);
  const first = Promise.withResolvers<void>();
  const running = turnstile.pass(() => first.promise);
  await assert.rejects(() => turnstile.pass(() => Promise.resolve()), TurnstileTimeout);
  first.resolve();
  await running;
  assert.equal(await turnstile.pass(() => Promise.resolve("next")), "next");
});

Deno.test("a failing task gives its place back", async () => {
  const turnstile = new Turnstile(1, 1_000);
  await assert.rejects(() => turnstile.pass(() => Promise.reject(new Error("failed"))));
  assert.equal(await turnstile.pass(() => Promise.resolve("next")), "next");
});
