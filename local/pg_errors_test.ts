import assert from "node:assert/strict";
import { apiErrorOf, statusOf } from "./pg_errors.ts";

function databaseError(fields: Record<string, unknown>): Error {
  return Object.assign(new Error(String(fields.message ?? "m")), fields, { name: "PostgresError" });
}

Deno.test("SQLSTATEs become PostgREST's statuses", () => {
  const expected: [code: string, status: number][] = [
    ["08006", 503],
    ["23503", 409],
    ["23505", 409],
    ["23514", 400],
    ["22P02", 400],
    ["25006", 405],
    ["25P02", 500],
    ["28000", 403],
    ["40001", 500],
    ["42883", 404],
    ["42P01", 404],
    ["42P17", 500],
    ["42703", 400],
    ["53300", 503],
    ["53400", 500],
    ["54001", 500],
    ["55P03", 500],
    ["57014", 500],
    ["P0001", 400],
    ["P0002", 500],
    ["FB001", 400],
    ["PT409", 409],
    ["PT999", 500],
    ["XX000", 500],
  ];
  for (const [code, status] of expected) {
    assert.deepEqual([code, statusOf({ code, message: "" }, false)], [code, status]);
  }
});

Deno.test("a missing right asks anon to sign in and forbids the others", () => {
  assert.equal(statusOf({ code: "42501", message: "" }, true), 401);
  assert.equal(statusOf({ code: "42501", message: "" }, false), 403);
});

Deno.test("an answer holds the four fields and nothing else that the driver knows", () => {
  const error = databaseError({
    code: "FB001",
    message: "refused",
    detail: "why",
    hint: "wait",
    query: "select secret",
    parameters: ["secret"],
    file: "pl_exec.c",
  });
  const body = { code: "FB001", message: "refused", details: "why", hint: "wait" };
  assert.deepEqual(apiErrorOf(error, false), { status: 400, body });
});

Deno.test("errors of the connection and of the program do not show their text", () => {
  const away = apiErrorOf(
    Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:5432"), { code: "ECONNREFUSED" }),
    false,
  );
  assert.equal(away.status, 503);
  const bug = apiErrorOf(new TypeError("x.y is not a function"), false);
  assert.equal(bug.status, 500);
  for (const { body } of [away, bug]) {
    assert.doesNotMatch(JSON.stringify(body), /127\.0\.0\.1|not a function/);
  }
});

Deno.test("a function may raise the whole answer, and a malformed one is told so", () => {
  const message = '{"code":"FB777","message":"teapot","details":"d"}';
  const raised = apiErrorOf(
    databaseError({ code: "PGRST", message, detail: '{"status":418,"headers":{"x-a":"1"}}' }),
    false,
  );
  assert.equal(raised.status, 418);
  assert.deepEqual(raised.body, { code: "FB777", message: "teapot", details: "d", hint: null });
  assert.deepEqual(raised.headers, { "x-a": "1" });
  assert.equal(apiErrorOf(databaseError({ code: "PGRST", message: "{" }), false).body.code, "PGRST121");
});
