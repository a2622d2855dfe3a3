import assert from "node:assert/strict";
import { type FakeBinance, html, json, stalled, startFakeBinance } from "./fake_binance.ts";
import { isReachable } from "./probe.ts";

/** Runs `use` with two hosts that answer the time question as given. */
async function withHosts(
  answers: readonly [main: () => Response, data: () => Response],
  use: (hosts: Parameters<typeof isReachable>[1] & object) => Promise<void>,
): Promise<void> {
  const [main, data] = answers.map((time) => startFakeBinance({ time })) as [FakeBinance, FakeBinance];
  try {
    await use([{ source: "binance", url: main.url }, { source: "binance-data", url: data.url }]);
  } finally {
    await Promise.all([main.stop(), data.stop()]);
  }
}

const time = () => json({ serverTime: 1_634_942_465_856 });

Deno.test("Binance is reachable when either host tells the time", async () => {
  await withHosts([() => html(451), time], async (hosts) => {
    assert.deepEqual(await isReachable(2_000, hosts), {
      reachable: true,
      source: "binance-data",
      serverTime: 1_634_942_465_856,
    });
  });
  await withHosts([time, () => html(200)], async (hosts) => {
    const result = await isReachable(2_000, hosts);
    assert.ok(result.reachable && result.source === "binance");
  });
});

Deno.test("a page of HTML or an error status is no Binance, and the reason names each host", async () => {
  await withHosts([() => html(200), () => html(503)], async (hosts) => {
    const result = await isReachable(2_000, hosts);
    assert.ok(!result.reachable);
    assert.match(result.reason, /127\.0\.0\.1: answers, but not as Binance does; 127\.0\.0\.1: HTTP 503/);
  });
});

Deno.test("hosts that stall are given up at the deadline", async () => {
  await withHosts([stalled, stalled], async (hosts) => {
    const started = performance.now();
    const result = await isReachable(200, hosts);
    assert.ok(!result.reachable);
    assert.match(result.reason, /no answer within 200 ms/);
    assert.ok(performance.now() - started < 2_000);
  });
});

Deno.test("hosts that nobody serves are unreachable at once", async () => {
  const hosts = [{ source: "binance", url: "http://127.0.0.1:1" }] as const;
  assert.equal((await isReachable(5_000, hosts)).reachable, false);
});
