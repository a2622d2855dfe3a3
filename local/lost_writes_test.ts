import { deepStrictEqual as equal } from "node:assert/strict";
import { surviveLostWrites } from "./lost_writes.ts";

const DRIVER_FRAME =
  "\n    at Immediate.nextWrite (file:///p/node_modules/postgres/src/connection.js:255:22)";

function errorWith(message: string, frame: string): Error {
  const error = new Error(message);
  error.stack = `Error: ${message}${frame}`;
  return error;
}

/** Whether an error without a caller would end the program. */
function isFatal(reason: Error): boolean {
  const promise = Promise.resolve();
  const init = { promise, reason, cancelable: true };
  return globalThis.dispatchEvent(new PromiseRejectionEvent("unhandledrejection", init));
}

Deno.test("a write of the database driver into a dead connection is survived, any other error is not", () => {
  const lines: string[] = [];
  const restore = surviveLostWrites((line) => lines.push(line));
  try {
    equal(isFatal(errorWith("This socket has been ended by the other party", DRIVER_FRAME)), false);
    equal(isFatal(errorWith("This socket has been ended by the other party", "\n    at mine.ts:1:1")), true);
    equal(isFatal(errorWith("value out of range", DRIVER_FRAME)), true);
    equal(lines.length, 1);
  } finally {
    restore();
  }
  equal(isFatal(errorWith("This socket has been ended by the other party", DRIVER_FRAME)), true);
});
