/**
 * `deno task bundle`: writes each Edge Function as one file below .fillbase/bundles, a directory that the Supabase CLI
 * deploys from, and says how large they are. Exit code 0 only if all of them are within their limit.
 */
import { stringify } from "smol-toml";
import { bundleFunction, FUNCTIONS_DIR, gzipBytes, MAX_GZIP_BYTES } from "../local/bundle.ts";
import { readFunctions } from "../local/functions_config.ts";
import { projectRoot } from "./lib/project.ts";

const OUTPUT_DIR = `${projectRoot}.fillbase/bundles`;

Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  if (args.length > 0) {
    console.error(`Unknown argument ${args.join(" ")}; there are none.`);
    return 2;
  }
  const functions = await readFunctions(projectRoot + FUNCTIONS_DIR, `${projectRoot}supabase/config.toml`);
  try {
    // The CLI deploys every function that it finds there, an earlier version's as well.
    await removeIfThere(`${OUTPUT_DIR}/supabase`);
    let tooLarge = 0;
    for (const slug of functions.keys()) tooLarge += await writeBundle(slug) ? 0 : 1;
    const settings = [...functions].map(([slug, { isEnabled, verifiesJwt }]) => [
      slug,
      { enabled: isEnabled, verify_jwt: verifiesJwt, entrypoint: `./functions/${slug}/index.js` },
    ]);
    const config = { project_id: "fillbase", functions: Object.fromEntries(settings) };
    await Deno.writeTextFile(`${OUTPUT_DIR}/supabase/config.toml`, stringify(config));
    return tooLarge > 0 ? 1 : 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function removeIfThere(directory: string): Promise<void> {
  await Deno.remove(directory, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** Whether the bundle is within its limit. */
async function writeBundle(slug: string): Promise<boolean> {
  const code = await bundleFunction(slug);
  const directory = `${OUTPUT_DIR}/${FUNCTIONS_DIR}/${slug}`;
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(`${directory}/index.js`, code);
  const size = await gzipBytes(code);
  const kib = (bytes: number) => `${Math.round(bytes / 1024)} KiB`;
  console.log(`${slug}: ${kib(code.length)}, ${kib(size)} gzipped, at most ${kib(MAX_GZIP_BYTES)}`);
  return size <= MAX_GZIP_BYTES;
}
