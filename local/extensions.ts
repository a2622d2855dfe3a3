/**
 * Stand-ins for the extensions of the hosted platform that have no build for the embedded binaries. Each is a control
 * file and an SQL script, so `create extension` in a migration works unchanged. They are trusted: the role that
 * migrates is no superuser, and the script still runs with a superuser's rights, as hosted.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

interface StandIn {
  readonly name: string;
  readonly version: string;
  /** Schema that `create extension` must use; absent when the caller may name any. */
  readonly schema?: string;
  readonly comment: string;
  /** Script beside this file. */
  readonly script: string;
}

const STAND_INS: readonly StandIn[] = [
  {
    name: "supabase_vault",
    version: "0.3.1",
    schema: "vault",
    comment: "Supabase Vault Extension",
    script: "vault.sql",
  },
  { name: "pg_net", version: "0.20.4", comment: "Async HTTP", script: "net.sql" },
  {
    name: "pg_cron",
    version: "1.6.4",
    schema: "pg_catalog",
    comment: "Job scheduler for PostgreSQL",
    script: "cron.sql",
  },
];

const PGTAP_FILES = ["pgtap.control", "pgtap--1.3.5.sql"];
const TAR_BLOCK_BYTES = 512;

/** Puts the stand-ins and pgTAP where PostgreSQL looks for extensions. Writes only what differs, each file at once. */
export async function installExtensions(extensionDir: string): Promise<void> {
  await Promise.all([
    ...STAND_INS.map((standIn) => installStandIn(standIn, extensionDir)),
    installPgTap(extensionDir),
  ]);
}

async function installStandIn(standIn: StandIn, extensionDir: string): Promise<void> {
  const script = await readScript(standIn.script);
  if (script === null) return;
  const control = [
    `comment = '${standIn.comment}'`,
    `default_version = '${standIn.version}'`,
    "relocatable = false",
    "superuser = true",
    "trusted = true",
    ...(standIn.schema ? [`schema = '${standIn.schema}'`] : []),
  ];
  await writeWhenDifferent(join(extensionDir, `${standIn.name}--${standIn.version}.sql`), script);
  await writeWhenDifferent(join(extensionDir, `${standIn.name}.control`), control.join("\n") + "\n");
}

/** Text of a file in `sql/`, or null when there is none. */
export async function readScript(name: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(new URL(`./sql/${name}`, import.meta.url));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function installPgTap(extensionDir: string): Promise<void> {
  const present = await Promise.all(
    PGTAP_FILES.map((name) => Deno.stat(join(extensionDir, name)).then(() => true, () => false)),
  );
  if (present.every(Boolean)) return;
  const entry = createRequire(import.meta.url).resolve("@electric-sql/pglite-pgtap");
  const archive = await Deno.open(join(dirname(entry), "pgtap.tar.gz"));
  const tar = await new Response(archive.readable.pipeThrough(new DecompressionStream("gzip"))).bytes();
  const wanted = new Set(PGTAP_FILES);
  for (const { name, content } of tarFiles(tar)) {
    const base = name.slice(name.lastIndexOf("/") + 1);
    if (wanted.delete(base)) {
      await writeWhenDifferent(join(extensionDir, base), new TextDecoder().decode(content));
    }
  }
  if (wanted.size > 0) {
    throw new Error(`the pgTAP package lacks ${[...wanted].join(", ")}; run "deno install" again`);
  }
}

/** Name and content of each entry of an uncompressed ustar archive. */
function* tarFiles(tar: Uint8Array): Generator<{ name: string; content: Uint8Array }> {
  const text = (at: number, length: number) =>
    new TextDecoder().decode(tar.subarray(at, at + length)).split("\0", 1)[0]!;
  for (let at = 0; at + TAR_BLOCK_BYTES <= tar.length;) {
    const name = text(at, 100);
    if (name === "") return;
    const size = parseInt(text(at + 124, 12), 8);
    const start = at + TAR_BLOCK_BYTES;
    yield { name, content: tar.subarray(start, start + size) };
    at = start + Math.ceil(size / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
  }
}

/** Renames a finished file into place, so that a server reading it meanwhile never sees half of it. */
async function writeWhenDifferent(path: string, content: string): Promise<void> {
  const present = await Deno.readTextFile(path).catch(() => null);
  if (present === content) return;
  const partial = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(partial, content, { mode: 0o644 });
  await Deno.rename(partial, path);
}
