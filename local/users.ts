/** Users made directly in the database: the local Auth has no administrative API. */
import type { Sql } from "postgres";

export interface SeededUser {
  readonly email: string;
  readonly password: string;
  /** Written into the user's tokens as `app_metadata`; only the project itself can set it. */
  readonly appMetadata?: Readonly<Record<string, unknown>>;
  readonly userMetadata?: Readonly<Record<string, unknown>>;
}

/** bcrypt rounds: the lowest that hosted Auth accepts, because seeding is for tests and demos. */
const BCRYPT_ROUNDS = 6;

/**
 * Creates a confirmed user who can sign in with the password, and returns the id. A user with the same address
 * keeps the id and gets the new password and metadata. `sql` needs write access to the auth schema.
 */
export async function seedUser(sql: Sql, user: SeededUser): Promise<string> {
  const appMetadata = { provider: "email", providers: ["email"], ...user.appMetadata };
  const [row] = await sql<[{ id: string }]>`
    insert into auth.users
      (id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data)
    values (${crypto.randomUUID()}, 'authenticated', 'authenticated', ${user.email.toLowerCase()},
      extensions.crypt(${user.password}, extensions.gen_salt('bf', ${BCRYPT_ROUNDS})), now(),
      ${JSON.stringify(appMetadata)}::text::jsonb, ${JSON.stringify(user.userMetadata ?? {})}::text::jsonb)
    on conflict (email) where is_sso_user = false do update
      set encrypted_password = excluded.encrypted_password, raw_app_meta_data = excluded.raw_app_meta_data,
        raw_user_meta_data = excluded.raw_user_meta_data, updated_at = now()
    returning id`;
  return row.id;
}
