import assert from "node:assert/strict";
import { countJunit } from "../../scripts/lib/junit.ts";

Deno.test("tests, steps, failures and ignored tests are counted from what deno test writes", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${directory}/planted_test.ts`,
      `Deno.test("parent", async (t) => {
         await t.step("good", () => {});
         await t.step("bad <&>", () => { throw new Error("<failure>"); });
       });
       Deno.test("failing", () => { throw new Error("no"); });
       Deno.test({ name: "ignored", ignore: true, fn() {} });
       Deno.test("passing", () => {});`,
    );
    const args = ["test", "--no-check", "--no-config", `--junit-path=${directory}/out.xml`, directory];
    await new Deno.Command(Deno.execPath(), { args }).output();
    const xml = await Deno.readTextFile(`${directory}/out.xml`);
    assert.deepEqual(countJunit(xml), { passed: 2, failed: 2, skipped: 1, report: [] });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
