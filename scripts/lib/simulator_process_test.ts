import assert from "node:assert/strict";
import { SimulatorProcess } from "./simulator_process.ts";

const SOON_MS = 10_000;

/** A program that starts the simulator, prints its URL and waits. */
const STARTER = `
  import { SimulatorProcess } from "${new URL("./simulator_process.ts", import.meta.url)}";
  console.log((await SimulatorProcess.start(1)).url);
  setInterval(() => {}, 1_000);
`;

async function isThere(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/api/v3/ping`).catch(() => null);
  await answer?.body?.cancel();
  return answer !== null;
}

Deno.test("the simulator ends with the program that started it, whatever ends that one", async () => {
  const starter = new Deno.Command(Deno.execPath(), { args: ["eval", STARTER], stdout: "piped" }).spawn();
  const reader = starter.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const url = (await reader.read()).value!.trim();
  assert.ok(await isThere(url));
  starter.kill("SIGKILL");
  await starter.status;
  await reader.cancel();
  const until = performance.now() + SOON_MS;
  while (await isThere(url)) {
    assert.ok(performance.now() < until, "the simulator is still there");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

Deno.test("a simulator that is gone is said to be gone, and can still be stopped", async () => {
  const simulator = await SimulatorProcess.start(1);
  await simulator.stop();
  await assert.rejects(simulator.state(), /the simulator is gone/);
  await simulator.stop();
});

Deno.test("the share of requests that meets a fault is the one asked for, every kind as likely", async () => {
  const simulator = await SimulatorProcess.start(1);
  try {
    for (const share of [0.3, 1]) {
      await simulator.setFaults(share);
      const rules = await simulator.admin("GET", "/faults") as { probability: number }[];
      assert.ok(rules.length > 10);
      let left = 1;
      for (const { probability } of rules) {
        assert.ok(
          Math.abs(left * probability - share / rules.length) < 1e-9,
          `${left * probability} of ${share}`,
        );
        left *= 1 - probability;
      }
      assert.ok(Math.abs(1 - left - share) < 1e-9, `${1 - left} of ${share}`);
    }
    await simulator.setFaults(0);
    assert.deepEqual(await simulator.admin("GET", "/faults"), []);
  } finally {
    await simulator.stop();
  }
});
