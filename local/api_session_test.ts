import assert from "node:assert/strict";
import { quoteIdentifier, quoteLiteral, sessionSql } from "./api_session.ts";
import { withCluster } from "./testing.ts";

const AWKWARD = [
  "it's",
  "back\\slash",
  "\\'; drop table x; --",
  'dou"ble',
  "$$",
  "line\nbreak",
  "€ 🦕",
  "",
  "E'x'",
  "%s",
];

Deno.test("any text survives as a literal and as an identifier, whatever the session's settings", () =>
  withCluster(async ({ sql }) => {
    for (const conforming of ["on", "off"]) {
      for (const text of AWKWARD) {
        const [, rows] = await sql.unsafe<{ text: string }[][]>(
          `set local standard_conforming_strings = ${conforming}; select ${quoteLiteral(text)} as text`,
        ).simple();
        assert.equal((rows as unknown as { text: string }[])[0]?.text, text);
        const name = text === "" ? "x" : text;
        const named = await sql.unsafe(`select 1 as ${quoteIdentifier(name)}`);
        assert.deepEqual(Object.keys(named[0] ?? {}), [name]);
      }
    }
  }));

Deno.test("text with NUL is refused", () => {
  assert.throws(() => quoteLiteral("a\0b"), RangeError);
});

Deno.test("a role without a limit of its own has the login role's, as hosted", () => {
  const timeouts = new Map([["anon", "3s"], ["authenticator", "8s"]]);
  const sqlOf = (role: "anon" | "service_role") => sessionSql({ role, claims: { role } }, timeouts, "public");
  assert.match(sqlOf("anon"), /'statement_timeout', E'3s'/);
  assert.match(sqlOf("service_role"), /'statement_timeout', E'8s'/);
});
