import assert from "node:assert/strict";
import { FunctionBundles } from "./function_bundles.ts";
import { runtimeArgs } from "./function_worker.ts";
import { withDataDir } from "./testing.ts";
import { HOSTED_LIMITS } from "./worker_limits.ts";

interface Project {
  readonly dir: string;
  readonly entry: string;
  /** Bundles the function and returns the bundle's path. */
  bundle(entry?: string): Promise<string>;
}

/** A function `one` that returns what `shared.ts` exports. */
async function withProject(body: (project: Project) => Promise<void>): Promise<void> {
  await withDataDir(async (dir) => {
    const entry = `${dir}/index.ts`;
    await Deno.writeTextFile(entry, 'export { word } from "./shared.ts";\n');
    await Deno.writeTextFile(`${dir}/shared.ts`, 'export const word: string = "first";\n');
    for (const path of [entry, `${dir}/shared.ts`]) await Deno.utime(path, 1_000, 1_000);
    const bundles = new FunctionBundles(`${dir}/bundles`);
    await body({ dir, entry, bundle: (other = entry) => bundles.pathOf("one", other) });
  });
}

async function wordOf(path: string): Promise<string> {
  return (await import(`file://${path}?${crypto.randomUUID()}`)).word;
}

/** Which making of the file it is: each one puts a new file in the old one's place. */
async function makingOf(path: string): Promise<number | null> {
  return (await Deno.stat(path)).ino;
}

Deno.test("a bundle is kept while its sources are as they were, and made anew when one of them changes", () =>
  withProject(async ({ dir, bundle }) => {
    const path = await bundle();
    const first = await makingOf(path);
    assert.equal(await wordOf(path), "first");
    assert.equal(await makingOf(await bundle()), first);
    await Deno.writeTextFile(`${dir}/shared.ts`, 'export const word: string = "other";\n');
    assert.equal(await wordOf(await bundle()), "other");
    await Deno.remove(`${dir}/shared.ts`);
    await assert.rejects(bundle(), /shared\.ts/);
  }));

Deno.test("a source that changed while it was read counts as changed", () =>
  withProject(async ({ dir, bundle }) => {
    const later = Date.now() / 1_000 + 60;
    await Deno.utime(`${dir}/shared.ts`, later, later);
    const first = await makingOf(await bundle());
    assert.notEqual(await makingOf(await bundle()), first);
  }));

Deno.test("the bundle of another function of the same name is not taken for this one's", () =>
  withProject(async ({ dir, bundle }) => {
    await bundle();
    await Deno.writeTextFile(`${dir}/namesake.ts`, 'export const word = "namesake";');
    assert.equal(await wordOf(await bundle(`${dir}/namesake.ts`)), "namesake");
  }));

Deno.test("a bundle that was cut off is made anew", () =>
  withProject(async ({ bundle }) => {
    const path = await bundle();
    await Deno.truncate(path, 10);
    assert.equal(await wordOf(await bundle()), "first");
  }));

Deno.test("code that cannot be parsed is refused with its place", () =>
  withProject(async ({ entry, bundle }) => {
    await Deno.writeTextFile(entry, "const open = (;\n");
    await assert.rejects(bundle(), /index\.ts:1:14/);
  }));

Deno.test({
  name: "the first process of a new bundle does not keep what parsing it took",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withProject(async ({ entry, bundle }) => {
      await Deno.writeTextFile(
        entry,
        `import binance from "ccxt-binance";
         export const unique = "${crypto.randomUUID()}";
         console.log(typeof binance, /RssAnon:\\s+(\\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"))[1]);`,
      );
      const path = await bundle();
      const [first, second] = [await ownKib(path), await ownKib(path)];
      assert.ok(first < second + 16_384, `${first} and then ${second} KiB`);
    }),
});

async function ownKib(path: string): Promise<number> {
  const args = [...runtimeArgs(HOSTED_LIMITS.memoryBytes), "-A", path];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  return Number(/^function (\d+)$/m.exec(new TextDecoder().decode(stdout))?.[1]);
}
