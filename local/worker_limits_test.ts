import assert from "node:assert/strict";
import fc from "fast-check";
import { CpuMeter, HOSTED_LIMITS, readUsage } from "./worker_limits.ts";

Deno.test("the limits are the hosted ones", () => {
  const { cpuPerRequestMs, memoryBytes, wallClockMs, idleMs } = HOSTED_LIMITS;
  assert.deepEqual([cpuPerRequestMs, memoryBytes, wallClockMs, idleMs], [
    2_000,
    268_435_456,
    400_000,
    150_000,
  ]);
});

Deno.test("a lone request is stopped just above its allowance", () => {
  const meter = new CpuMeter(2_000);
  meter.startBusy(500);
  assert.equal(meter.isExceeded(2_500, 1), false);
  assert.equal(meter.isExceeded(2_501, 1), true);
});

Deno.test("CPU time of idle periods is nobody's", () => {
  const meter = new CpuMeter(2_000);
  meter.startBusy(0);
  meter.isExceeded(1_900, 1);
  meter.requestEnded();
  meter.startBusy(60_000);
  assert.equal(meter.isExceeded(61_900, 1), false);
});

Deno.test("requests that each keep to the allowance are never stopped, however they interleave", () => {
  const allowance = 100;
  const steps = fc.array(
    fc.record({ request: fc.nat(9), cpu: fc.integer({ min: 1, max: 40 }), ends: fc.boolean() }),
  );
  fc.assert(fc.property(steps, (plan) => {
    const meter = new CpuMeter(allowance);
    const used = new Map<number, number>();
    let total = 0;
    for (const { request, cpu, ends } of plan) {
      if (used.size === 0) meter.startBusy(total);
      const spent = (used.get(request) ?? 0) + cpu;
      if (spent > allowance) continue;
      used.set(request, spent);
      total += cpu;
      assert.equal(meter.isExceeded(total, used.size), false);
      if (ends) {
        used.delete(request);
        meter.requestEnded();
      }
    }
  }));
});

Deno.test("an endless loop among requests that come and go is stopped in the end", () => {
  const meter = new CpuMeter(100);
  meter.startBusy(0);
  let total = 0;
  for (let round = 1; round <= 20; round++) {
    total += 150;
    if (meter.isExceeded(total, 2)) return;
    meter.requestEnded();
  }
  assert.fail("the loop was never stopped");
});

Deno.test("the usage of a living process is read, of a missing one it is not", () => {
  const usage = readUsage(Deno.pid);
  if (Deno.build.os === "linux") assert.ok(usage && usage.memoryBytes > 1_000_000 && usage.cpuMs > 0);
  assert.equal(readUsage(2 ** 30), null);
});
