import type postgres from "postgres";

/** A privilege list as `aclexplode` gives it, grouped by grantee, owner left out. */
export interface Grant {
  readonly grantee: string;
  readonly privileges: string;
}

/** `comment on ...;`, or nothing where there is none. */
export function commentOn(what: string, comment: string | null): string[] {
  return comment === null ? [] : [`comment on ${what} is ${quoteText(comment)};`];
}

/** `grant ... on ... to ...;` for each grantee. */
export function grantsOn(what: string, grants: readonly Grant[]): string[] {
  return grants.map(({ grantee, privileges }) => `grant ${privileges} on ${what} to ${grantee};`);
}

/** A text as a SQL literal. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * A subquery that lists grants as JSON. `acl` and `owner` are SQL expressions; `kind` is the letter that
 * `acldefault` knows the object by, so that built-in defaults (EXECUTE for PUBLIC!) are seen too.
 */
export function grantList(
  tx: postgres.TransactionSql,
  acl: string,
  kind: "f" | "n" | "r",
  owner: string,
): postgres.PendingQuery<postgres.Row[]> {
  return tx`
    (select coalesce(jsonb_agg(jsonb_build_object('grantee', grantee, 'privileges', privileges) order by grantee), '[]')
       from (select case when a.grantee = 0 then 'public' else a.grantee::regrole::text end as grantee,
                    string_agg(lower(a.privilege_type), ', ' order by a.privilege_type) as privileges
               from aclexplode(coalesce(${tx.unsafe(acl)}, acldefault(${kind}, ${tx.unsafe(owner)}))) a
              where a.grantee <> ${tx.unsafe(owner)}
              group by a.grantee) grants)`;
}
