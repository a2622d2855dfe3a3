import assert from "node:assert/strict";
import { refusalOf, withHost } from "./functions_testing.ts";
import { eventually } from "./testing.ts";

const PROJECT_TEMP = new URL("../.fillbase/temp", import.meta.url).pathname;

Deno.test("changed code is served without a restart", (t) =>
  withHost(async ({ call, dir, host, logs }) => {
    const greet = async () =>
      (await (await call("served", { method: "POST", body: '{"name":"Ann"}' })).json()) as {
        text: string;
        pid: number;
      };

    await t.step("a change of shared code reaches the function that imports it", async () => {
      assert.equal((await greet()).text, "first, Ann");
      await Deno.writeTextFile(`${dir}/functions/_shared/greeting.ts`, 'export const greeting = "second";');
      await eventually("the new greeting", async () => (await greet()).text === "second, Ann" || null);
    });

    await t.step("a change of one function leaves the processes of others alone", async () => {
      const { pid } = await greet();
      const open = await (await call("open")).json();
      assert.ok(open.env);
      const openPids = host.pids("open");
      await Deno.writeTextFile(
        `${dir}/functions/open/index.ts`,
        'export default { fetch: () => new Response("changed") };',
      );
      await eventually("the new code", async () => await (await call("open")).text() === "changed" || null);
      assert.notDeepEqual(host.pids("open"), openPids);
      assert.equal((await greet()).pid, pid);
    });

    await t.step("a request and background work under way are finished by the old process", async () => {
      // Not beside the functions: with permissions named one by one Deno keeps a program out of all of /dev, memory included.
      await Deno.mkdir(PROJECT_TEMP, { recursive: true });
      const answer = await Deno.makeTempFile({ dir: PROJECT_TEMP });
      await Deno.remove(answer);
      const old = Number(await (await call("greedy/background", { method: "POST", body: answer })).text());
      const stream = await call("greedy/stream");
      await Deno.writeTextFile(`${dir}/functions/greedy/extra.ts`, "export {};");
      await eventually("a new process", async () =>
        await (await call("greedy/none")).text() !== String(old) || null);
      assert.equal(await stream.text(), "0\n1\n2\n3\n4\n");
      assert.ok(host.pids("greedy").includes(old));
      await Deno.writeTextFile(`${answer}.ask`, "");
      await eventually("the background work", () =>
        Deno.readTextFile(answer).catch(() => null));
      await eventually("the old process ends", () => !host.pids("greedy").includes(old) || null);
      await Promise.all([answer, `${answer}.ask`].map((path) => Deno.remove(path)));
    });

    await t.step("code that cannot be parsed is answered with 503 until it is mended", async () => {
      const source = `${dir}/functions/open/index.ts`;
      await Deno.writeTextFile(source, "export default {");
      await eventually("the refusal", async () => {
        const response = await call("open");
        return response.status === 503 ? await refusalOf(response) : await response.body?.cancel() ?? null;
      });
      assert.ok(logs.some((line) => line.startsWith("open: ") && line.includes("open/index.ts:1:16")));
      await Deno.writeTextFile(source, 'export default { fetch: () => new Response("mended") };');
      await eventually("the mended code", async () => await (await call("open")).text() === "mended" || null);
    });

    await t.step("a new function and changed settings are noticed", async () => {
      await Deno.mkdir(`${dir}/functions/newborn`);
      await Deno.writeTextFile(
        `${dir}/functions/newborn/index.ts`,
        'Deno.serve(() => new Response("here"));',
      );
      await eventually(
        "the gate of the new function",
        async () => (await call("newborn")).status === 401 || null,
      );
      await Deno.writeTextFile(`${dir}/config.toml`, "[functions.newborn]\nverify_jwt = false\n");
      await eventually("the open gate", async () => (await call("newborn")).status === 200 || null);
    });

    await t.step("settings that cannot be read are reported and the old ones stay", async () => {
      await Deno.writeTextFile(`${dir}/config.toml`, "[functions.newborn\n");
      await eventually("the complaint", () => logs.some((line) => line.includes("not valid TOML")) || null);
      assert.equal((await call("newborn")).status, 200);
    });
  }));
