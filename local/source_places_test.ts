import assert from "node:assert/strict";
import { FunctionBundles } from "./function_bundles.ts";
import { SourcePlaces } from "./source_places.ts";
import { withDataDir } from "./testing.ts";

const SOURCE =
  "// a comment\nexport const place = (): number => {\n  return locate();\n};\ndeclare function locate(): number;\n";

/** A bundle of the source, and the place in it of the call in the source's third line. */
async function withBundle(body: (bundle: string, place: string) => void | Promise<void>): Promise<void> {
  await withDataDir(async (dir) => {
    const entry = `${dir}/index.ts`;
    await Deno.writeTextFile(entry, SOURCE);
    const bundle = await new FunctionBundles(`${dir}/bundles`).pathOf("one", entry);
    const lines = (await Deno.readTextFile(bundle)).split("\n");
    const row = lines.findIndex((line) => line.includes("locate()"));
    await body(bundle, `file://${bundle}:${row + 1}:${lines[row]!.indexOf("locate()") + 1}`);
  });
}

Deno.test("a place in a bundle becomes the place in its source, and the rest of the line stays", () =>
  withBundle((bundle, place) => {
    const source = `file://${bundle.replace("bundles/one.mjs", "index.ts")}:3:10`;
    const places = new SourcePlaces(bundle);
    assert.equal(places.translate(`  at f (${place}) and ${place}`), `  at f (${source}) and ${source}`);
    assert.equal(
      places.translate("nothing of ours at file:///x.ts:1:1"),
      "nothing of ours at file:///x.ts:1:1",
    );
  }));

Deno.test("with a map that is gone, or of a later bundle, the place stays as it is", () =>
  withBundle(async (bundle, place) => {
    const places = new SourcePlaces(bundle);
    await Deno.utime(`${bundle}.map`, 1_000, 1_000);
    assert.equal(places.translate(place), place);
    await Deno.remove(`${bundle}.map`);
    assert.equal(places.translate(place), place);
    assert.equal(new SourcePlaces(bundle).translate(place), place);
  }));
