import type { Finding } from "../gate.ts";
import type { SourceFile } from "../project.ts";

const DIRECTORY = "supabase/migrations/";
const FILE_NAME = /^(\d{14})_[a-z0-9]+(_[a-z0-9]+)*\.sql$/;

/** Migrations without a good name, or without a header that says what they are for and which locks they take. */
export function checkMigrations(files: readonly SourceFile[]): Finding[] {
  const versions = new Map<string, string>();
  return files.filter(({ path }) => path.startsWith(DIRECTORY)).flatMap(({ path, text }) => {
    const version = FILE_NAME.exec(path.slice(DIRECTORY.length))?.[1];
    if (version === undefined) {
      return [{ path, message: "A migration is named <UTC timestamp, 14 digits>_<topic>.sql." }];
    }
    const messages = headerComplaints(text);
    const twin = versions.get(version);
    if (twin !== undefined) messages.push(`It has the version of ${twin}; one of them would never run.`);
    versions.set(version, path);
    return messages.map((message) => ({ path, line: 1, message }));
  });
}

function headerComplaints(text: string): string[] {
  const header = /^(--[^\n]*\n)+/.exec(text)?.[0] ?? "";
  return ["Purpose", "Locks"]
    .filter((word) => !new RegExp(`^-- ${word}:\\s+\\S`, "m").test(header))
    .map((word) => `The header lacks a line "-- ${word}: ...".`);
}
