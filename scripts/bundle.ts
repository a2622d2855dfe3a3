/**
 * `deno task bundle [names...]`: writes each Edge Function, or those named, as one file to .fillbase/bundles and says
 * how large it is. Exit code 0 only if all of them are within their limit.
 */
import { bundleFunction, endBundling, functionSlugs, gzipBytes, MAX_GZIP_BYTES } from "./lib/bundle.ts";
import { projectRoot } from "./lib/project.ts";

const OUTPUT_DIR = `${projectRoot}.fillbase/bundles`;

Deno.exit(await main(Deno.args));

async function main(names: string[]): Promise<number> {
  const slugs = await functionSlugs();
  const unknown = names.filter((name) => !slugs.includes(name));
  if (unknown.length > 0) {
    console.error(`No function is named ${unknown.join(", ")}; there are ${slugs.join(", ")}.`);
    return 2;
  }
  try {
    let tooLarge = 0;
    for (const slug of names.length > 0 ? names : slugs) tooLarge += await writeBundle(slug) ? 0 : 1;
    return tooLarge > 0 ? 1 : 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    await endBundling();
  }
}

/** Whether the bundle is within its limit. */
async function writeBundle(slug: string): Promise<boolean> {
  const code = await bundleFunction(slug);
  const directory = `${OUTPUT_DIR}/${slug}`;
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(`${directory}/index.js`, code);
  const size = await gzipBytes(code);
  const kib = (bytes: number) => `${Math.round(bytes / 1024)} KiB`;
  console.log(`${slug}: ${kib(code.length)}, ${kib(size)} gzipped, at most ${kib(MAX_GZIP_BYTES)}`);
  return size <= MAX_GZIP_BYTES;
}
