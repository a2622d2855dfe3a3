import assert from "node:assert/strict";
import { heapFlags } from "./function_worker.ts";
import { FIXTURES, refusalOf, withHost } from "./functions_testing.ts";
import { eventually, withDataDir } from "./testing.ts";

const MIB = 1024 * 1024;

async function isAlive(pid: number): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return stat !== "" && !stat.includes(") Z ");
}

Deno.test("the hosted budget of a function", (t) =>
  withHost(async ({ call, logs }) => {
    await t.step(
      "an endless loop is stopped with 546, and the next request finds a new process",
      async () => {
        assert.deepEqual(await refusalOf(await call("greedy/burn")), [546, "WORKER_LIMIT", "WORKER_LIMIT"]);
        assert.ok(logs.some((line) => line.includes("CPU time")));
        assert.equal((await call("greedy/none")).status, 200);
      },
    );

    await t.step("many small requests at once stay below the budget of each", async () => {
      const pids = await Promise.all(
        Array.from({ length: 40 }, async () => await (await call("greedy/work")).text()),
      );
      assert.equal(new Set(pids).size, 1);
    });

    await t.step("too much memory is stopped with 546, within the heap and outside it", async () => {
      for (const kind of ["hoard-buffers", "hoard-objects"]) {
        assert.deepEqual(await refusalOf(await call(`greedy/${kind}`)), [
          546,
          "WORKER_LIMIT",
          "WORKER_LIMIT",
        ]);
      }
      assert.equal((await call("greedy/none")).status, 200);
    });
  }, { limits: { cpuPerRequestMs: 700, memoryBytes: 96 * 1024 * 1024, sampleMs: 20 } }));

Deno.test("a request without a response is answered with 504", () =>
  withHost(async ({ call }) => {
    assert.deepEqual(await refusalOf(await call("greedy/silence")), [504, "IDLE_TIMEOUT", "IDLE_TIMEOUT"]);
  }, { limits: { idleMs: 1_000 } }));

Deno.test("garbage is collected before it counts as memory", () =>
  withHost(async ({ call }) => {
    assert.equal(await (await call("greedy/churn")).text(), "churned");
  }, { limits: { cpuPerRequestMs: 30_000, memoryBytes: 96 * 1024 * 1024, sampleMs: 20 } }));

Deno.test("a worker's heap has its limit, and stays small under garbage", async () => {
  const program = `
    import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
    let kept = [];
    for (let n = 0; n < 2_000_000; n++) kept[n % 1_000] = { n };
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size;
    console.log(JSON.stringify({ limit: getHeapStatistics().heap_size_limit, young }));`;
  const args = [
    "run",
    "--quiet",
    heapFlags(256 * MIB),
    `data:text/javascript,${encodeURIComponent(program)}`,
  ];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  const { limit, young } = JSON.parse(new TextDecoder().decode(stdout)) as { limit: number; young: number };
  assert.ok(limit > 150 * MIB && limit < 160 * MIB, `${limit} bytes`);
  assert.ok(young <= 2 * MIB, `${young} bytes`);
});

Deno.test("a worker is replaced at half its life and killed at its end, its requests with 546", () =>
  withHost(async ({ call, host }) => {
    const first = await (await call("greedy/none")).text();
    const stuck = call("greedy/silence");
    await eventually("a second process takes over", async () => {
      return await (await call("greedy/none")).text() !== first || null;
    });
    assert.ok(host.pids("greedy").includes(Number(first)), "the first process ended before it was replaced");
    assert.deepEqual(await refusalOf(await stuck), [546, "WORKER_LIMIT", "WORKER_LIMIT"]);
    await eventually("the first process is gone", () => !host.pids("greedy").includes(Number(first)) || null);
  }, { limits: { wallClockMs: 3_000 } }));

Deno.test("no function's process outlives its host", async () => {
  let pids: readonly number[] = [];
  await withHost(async ({ call, host }) => {
    await call("greedy/none");
    pids = host.pids("greedy");
    assert.equal(pids.length, 1);
  });
  for (const pid of pids) assert.equal(await isAlive(pid), false);
});

Deno.test("a killed host takes its functions' processes with it", async () => {
  const program = `
    import { startFunctionsHost } from ${
    JSON.stringify(new URL("./functions_host.ts", import.meta.url).href)
  };
    import { loadKeys } from ${JSON.stringify(new URL("./keys.ts", import.meta.url).href)};
    const dir = Deno.args[0];
    const keys = await loadKeys(dir);
    const host = await startFunctionsHost({ functionsDir: ${JSON.stringify(`${FIXTURES}functions`)}, keys,
      bundlesDir: dir + "/bundles", url: "http://127.0.0.1:1", postgres: { url: "" }, tokens: { jwks: { keys: [] } } });
    await host.prewarm(["greedy"]);
    console.log(host.pids("greedy")[0]);
    setInterval(() => {}, 1000);`;
  await withDataDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/host.ts`, program);
    const denoConfig = new URL("../deno.json", import.meta.url).pathname;
    const host = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--cached-only", "--config", denoConfig, `${dir}/host.ts`, dir],
      stdout: "piped",
    }).spawn();
    const reader = host.stdout.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
      .getReader();
    const pid = Number((await reader.read()).value);
    assert.ok(await isAlive(pid));
    host.kill("SIGKILL");
    await host.status;
    await reader.cancel();
    await eventually("the function's process ends", async () => !await isAlive(pid) || null);
  });
});
