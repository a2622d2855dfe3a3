/** Rights on private topics, asked of the row level security policies on realtime.messages. */
import type postgres from "postgres";
import type { Identity } from "./identity.ts";

/** What policies can tell apart on a topic: rows of `realtime.messages.extension`. */
export type Extension = "broadcast" | "presence";

/** An answer of the database that is not a right: why the question could not be asked. */
export class AccessError extends Error {
  constructor(readonly code: string, message: string, cause: unknown) {
    super(`${code}: ${message}`, { cause });
  }
}

/** Which of the extensions the caller may read on the topic. */
export async function readRights(
  sql: postgres.Sql,
  topic: string,
  caller: Identity,
  extensions: readonly Extension[],
): Promise<ReadonlySet<Extension>> {
  const [row] = await ask(
    topic,
    sql<{ rights: boolean[] }[]>`
      select realtime_server.probe_read(
        ${topic}, ${caller.role}, ${caller.claims}::text::jsonb, ${[...extensions]}::text[]) as rights`,
  );
  return new Set(extensions.filter((_, index) => row?.rights[index] === true));
}

/** Whether the caller may write the extension on the topic. */
export async function writeRight(
  sql: postgres.Sql,
  topic: string,
  caller: Identity,
  extension: Extension,
): Promise<boolean> {
  const [row] = await ask(
    topic,
    sql<{ allowed: boolean }[]>`
      select realtime_server.probe_write(
        ${topic}, ${caller.role}, ${caller.claims}::text::jsonb, ${extension}) as allowed`,
  );
  return row?.allowed === true;
}

async function ask<T>(topic: string, question: Promise<T>): Promise<T> {
  try {
    return await question;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) {
      throw new AccessError(
        "UnableToConnectToProject",
        "Realtime was unable to connect to the project database",
        error,
      );
    }
    if (message.startsWith("no partition of relation")) {
      throw new AccessError(
        "MissingPartition",
        "Realtime was unable to find the expected messages partition",
        error,
      );
    }
    throw new AccessError(
      "Unauthorized",
      `You do not have permissions to read from this Channel topic: ${topic}`,
      error,
    );
  }
}
