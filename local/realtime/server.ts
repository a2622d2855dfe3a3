/**
 * Realtime for the local stack: broadcast, presence and `postgres_changes` over the protocol that supabase-js speaks.
 * Everything that Postgres says comes from its log, so a message exists exactly when its transaction committed.
 */
import postgres from "postgres";
import { ChangeRouter } from "./changes.ts";
import { CLOSE_CODES, Connection } from "./connection.ts";
import { survivingOptions } from "../driver_socket.ts";
import { handleBroadcast } from "./http_api.ts";
import { Hub } from "./hub.ts";
import { identify, type Identity, keyIdentity, type VerifyToken } from "./identity.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { maintainPartitions } from "./partitions.ts";
import type { WalChange } from "./pgoutput.ts";
import { PresenceBoard } from "./presence.ts";
import { type Broadcast, payloadBytes } from "./protocol.ts";
import type { Services } from "./services.ts";
import { startWalReader } from "./wal.ts";

/** What the server needs from the stack. */
export interface RealtimeOptions {
  /** Superuser connection URL of the database to serve. */
  readonly adminUrl: string;
  /** Claims of a token whose signature and expiry are right, else null. */
  readonly verifyToken: VerifyToken;
  /** Role of an API key, or null for an unknown one. */
  readonly resolveKey: (apikey: string) => "anon" | "service_role" | null;
  /** Overrides of the named limits. */
  readonly limits?: Partial<Limits>;
  readonly log?: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A running server. */
export interface RealtimeServer {
  /** Answers requests under `/realtime/v1`: the WebSocket upgrade and the broadcast API. */
  handle(request: Request): Promise<Response>;
  /** Closes all sockets, the replication slot and the database connections. */
  stop(): Promise<void>;
}

const MESSAGES_PUBLICATION = "supabase_realtime_messages_publication";
const CHANGES_PUBLICATION = "supabase_realtime";
/** Partitions are looked after more often than daily: a machine may sleep over midnight. */
const MAINTENANCE_INTERVAL_MS = 3_600_000;
const POOL_SIZE = 4;
const POOL_END_TIMEOUT_S = 1;
/** A policy that takes longer than this refuses. */
const STATEMENT_TIMEOUT_MS = 5_000;

/** Makes today's partitions, opens the log, and serves. Rejects when the database cannot be reached. */
export async function startRealtime(options: RealtimeOptions): Promise<RealtimeServer> {
  const log = options.log ?? (() => {});
  const now = options.now ?? Date.now;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const sql = questionPool(options.adminUrl, log);
  const hub = new Hub();
  const changes = new ChangeRouter(sql, limits, log);
  try {
    await maintainPartitions(sql, new Date(now()));
    const wal = await startWalReader({
      url: options.adminUrl,
      publications: [MESSAGES_PUBLICATION, CHANGES_PUBLICATION],
      onChange: (change) => onChange(change, { hub, changes, limits, log }),
      log,
    });
    const { verifyToken } = options;
    const services = { sql, hub, changes, wal, limits, log, now, verifyToken, presence: new PresenceBoard() };
    return new Server(services, options.resolveKey);
  } catch (error) {
    await sql.end({ timeout: POOL_END_TIMEOUT_S });
    throw error;
  }
}

/** Questions about rights leave nothing durable behind, so their commits need not wait for the disk. */
function questionPool(url: string, log: (line: string) => void): postgres.Sql {
  return postgres(url, {
    ...survivingOptions(url, {
      application_name: "realtime_connect",
      synchronous_commit: "off",
      statement_timeout: `${STATEMENT_TIMEOUT_MS}`,
      search_path: '"$user", public, extensions',
    }),
    max: POOL_SIZE,
    onnotice: (notice) => log(`realtime: ${notice.message}`),
  });
}

function onChange(change: WalChange, to: Pick<Services, "hub" | "changes" | "limits" | "log">): void {
  const { schema, table } = change.relation;
  if (schema !== "realtime" || table !== "messages") return to.changes.offer(change);
  const { topic, extension, event, id, payload, binary_payload, private: isPrivate } = change.record;
  if (change.type !== "INSERT" || extension !== "broadcast" || topic == null) return;
  if (payload == null && binary_payload == null) {
    return to.log(`realtime: a message to ${topic} has no payload`);
  }
  const content = payload != null ? { json: payload } : { bytes: bytesOf(binary_payload!) };
  const broadcast: Broadcast = { event: event ?? "", content, id: id! };
  if (payloadBytes(broadcast) > to.limits.broadcastBytes) {
    return to.log(`realtime: a message to ${topic} is larger than ${to.limits.broadcastBytes} bytes`);
  }
  to.hub.publish({ name: topic, isPrivate: isPrivate === "t" }, broadcast);
}

/** The bytes of a bytea in its hex text form. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text.slice(2).match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

class Server implements RealtimeServer {
  readonly #connections = new Map<Connection, WebSocket>();
  readonly #maintenance: ReturnType<typeof setInterval>;

  constructor(readonly services: Services, readonly resolveKey: RealtimeOptions["resolveKey"]) {
    this.#maintenance = setInterval(() => this.#maintain(), MAINTENANCE_INTERVAL_MS);
  }

  async handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname.replace(/^\/realtime\/v1/, "");
    if (path === "/websocket") return await this.#upgrade(request, url);
    if (path === "/api/broadcast" || path.startsWith("/api/broadcast/")) {
      const caller = await this.#caller(request, url);
      if (caller instanceof Response) return caller;
      return await handleBroadcast(request, path.slice("/api/broadcast/".length), caller, this.services);
    }
    return Response.json({ error: "Not found" }, { status: 404 });
  }

  async stop(): Promise<void> {
    clearInterval(this.#maintenance);
    for (const connection of this.#connections.keys()) {
      connection.abort(CLOSE_CODES.goingAway, "the server is stopping");
    }
    await this.services.wal.stop();
    await this.services.sql.end({ timeout: POOL_END_TIMEOUT_S });
  }

  async #upgrade(request: Request, url: URL): Promise<Response> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return Response.json({ error: "Expected a WebSocket upgrade" }, { status: 426 });
    }
    const identity = await this.#keyHolder(request, url);
    if (identity instanceof Response) return identity;
    const version = url.searchParams.get("vsn") === "2.0.0" ? "2.0.0" : "1.0.0";
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    const connection = new Connection(socket, version, identity, this.services);
    this.#connections.set(connection, socket);
    socket.onmessage = ({ data }) => connection.receive(data);
    socket.onclose = () => {
      connection.forgetChannels();
      this.#connections.delete(connection);
    };
    // an error is followed by a close, which is where the clean-up is
    socket.onerror = () => {};
    return response;
  }

  /** Who the API key stands for: a publishable or secret key, or a JWT in its place. */
  async #keyHolder(request: Request, url: URL): Promise<Identity | Response> {
    const key = request.headers.get("x-api-key") ?? request.headers.get("apikey") ??
      url.searchParams.get("apikey");
    if (key === null || key === "") return Response.json({ error: "API key is missing" }, { status: 401 });
    const role = this.resolveKey(key);
    if (role !== null) return keyIdentity(role);
    return await this.#tokenHolder(key);
  }

  /** Who makes an HTTP request: the bearer's token if it is one, else the API key. */
  async #caller(request: Request, url: URL): Promise<Identity | Response> {
    const holder = await this.#keyHolder(request, url);
    if (holder instanceof Response) return holder;
    const bearer = request.headers.get("authorization")?.replace(/^Bearer\s+/i, "");
    if (bearer === undefined || bearer === "" || this.resolveKey(bearer) !== null) return holder;
    return await this.#tokenHolder(bearer);
  }

  async #tokenHolder(token: string): Promise<Identity | Response> {
    const result = await identify(token, this.services.verifyToken, this.services.now());
    if ("identity" in result) return result.identity;
    return Response.json({ error: result.refusal.message }, { status: 401 });
  }

  async #maintain(): Promise<void> {
    try {
      await maintainPartitions(this.services.sql, new Date(this.services.now()));
    } catch (error) {
      this.services.log(`realtime: partitions were not maintained: ${(error as Error).message}`);
    }
  }
}
