/**
 * HTTP/1.1 over a connection that is opened for one request and closed after its answer. For runtimes whose `fetch` takes
 * no client of one's own: their pool is no place for orders (`transport.ts`). `node:http` would do with `agent: false`, but
 * in such a runtime (tried on Deno 2.1.14) a connection that ends without an answer is never told of.
 */

const HEAD_MAX_BYTES = 64 * 1024;
const READ_BYTES = 64 * 1024;
/** What the platform's own client says when a connection could not be made; `transport.ts` goes by these words. */
const NOT_CONNECTED = "client error (Connect)";

/** Thrown when an answer is longer than any answer may be. */
export class TooLong extends Error {
  override readonly name = "TooLong";
}

/**
 * A `fetch` of this kind, for http and https, bodies of text, and answers of at most `maxBytes`. The request is written
 * once, or, when its signal comes before the connection stands, not at all. Redirects are not followed.
 */
export function ownConnections(maxBytes: number): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(String(input));
    const request = requestOf(url, init);
    const connection = await connect(url, init.signal ?? undefined);
    const close = () => closeQuietly(connection);
    init.signal?.addEventListener("abort", close, { once: true });
    const release = () => {
      init.signal?.removeEventListener("abort", close);
      close();
    };
    try {
      await writeAll(connection, request);
      return await answerFrom(new Incoming(connection, maxBytes), release);
    } catch (error) {
      release();
      throw error;
    }
  };
}

function requestOf(
  { host, pathname, search }: URL,
  { method = "GET", headers, body }: RequestInit,
): Uint8Array {
  if (body !== undefined && body !== null && typeof body !== "string") {
    throw new TypeError("the body is no text");
  }
  const content = new TextEncoder().encode(body ?? "");
  const fields = new Headers(headers);
  fields.set("host", host);
  fields.set("connection", "close");
  fields.set("accept-encoding", "identity");
  if (content.length > 0 || method !== "GET") fields.set("content-length", `${content.length}`);
  const lines = [
    `${method} ${pathname}${search} HTTP/1.1`,
    ...Array.from(fields, ([name, value]) => `${name}: ${value}`),
  ];
  const head = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  const bytes = new Uint8Array(head.length + content.length);
  bytes.set(head);
  bytes.set(content, head.length);
  return bytes;
}

async function connect(
  { protocol, hostname, port }: URL,
  signal: AbortSignal | undefined,
): Promise<Deno.Conn> {
  const isTls = protocol === "https:";
  const address = {
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (isTls ? 443 : 80) : parseInt(port, 10),
  };
  const opened = isTls ? secured(address) : Deno.connect(address);
  const given = Promise.withResolvers<never>();
  const abort = () => given.reject(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([opened, given.promise]);
  } catch (error) {
    // One that comes about too late is not used any more.
    opened.then(closeQuietly, () => {});
    throw new TypeError(NOT_CONNECTED, { cause: error });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

async function secured(address: { hostname: string; port: number }): Promise<Deno.Conn> {
  const connection = await Deno.connectTls({ ...address, alpnProtocols: ["http/1.1"] });
  try {
    await connection.handshake();
    return connection;
  } catch (error) {
    closeQuietly(connection);
    throw error;
  }
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** What comes in, taken piece by piece. Throws when it ends before the piece is whole. */
class Incoming {
  #bytes = new Uint8Array(0);
  #total = 0;

  constructor(private readonly connection: Deno.Conn, private readonly maxBytes: number) {}

  /** A line without its end. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#bytes.indexOf(10);
      if (end >= 0) return new TextDecoder("latin1").decode(this.#take(end + 1)).trimEnd();
      if (this.#bytes.length > HEAD_MAX_BYTES) throw new Error("a line of the answer's head has no end");
      await this.#more();
    }
  }

  async exactly(size: number): Promise<Uint8Array<ArrayBuffer>> {
    if (size > this.maxBytes) throw new TooLong();
    const parts: Uint8Array[] = [];
    for (let left = size; left > 0;) {
      if (this.#bytes.length === 0) await this.#more();
      const part = this.#take(Math.min(left, this.#bytes.length));
      parts.push(part);
      left -= part.length;
    }
    return joined(parts);
  }

  /** All that comes until the other side closes. */
  async rest(): Promise<Uint8Array<ArrayBuffer>> {
    const parts = [this.#take(this.#bytes.length)];
    for (;;) {
      const part = await this.#read();
      if (part === null) return joined(parts);
      parts.push(part);
    }
  }

  #take(size: number): Uint8Array {
    const taken = this.#bytes.subarray(0, size);
    this.#bytes = this.#bytes.subarray(size);
    return taken;
  }

  async #more(): Promise<void> {
    const part = await this.#read();
    if (part === null) throw new Error("the answer ended too early");
    this.#bytes = joined([this.#bytes, part]);
  }

  async #read(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(READ_BYTES);
    const size = await this.connection.read(buffer);
    if (size === null) return null;
    this.#total += size;
    if (this.#total > this.maxBytes + HEAD_MAX_BYTES) throw new TooLong();
    return buffer.subarray(0, size);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The answer as soon as its head is there; its body comes after it. `release` is called once nothing more is read. */
async function answerFrom(incoming: Incoming, release: () => void): Promise<Response> {
  const status = await readStatus(incoming);
  const headers = await readHeaders(incoming);
  // An interim answer; the one that is meant comes after it.
  if (status < 200) return answerFrom(incoming, release);
  if (status === 204 || status === 304) {
    release();
    return new Response(null, { status, headers });
  }
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: async (controller) => {
      try {
        controller.enqueue(await readBody(incoming, headers));
        controller.close();
      } catch (error) {
        controller.error(error);
      } finally {
        release();
      }
    },
    cancel: release,
  });
  return new Response(body, { status, headers });
}

async function readStatus(incoming: Incoming): Promise<number> {
  const status = /^HTTP\/1\.[01] (\d{3})\b/.exec(await incoming.line())?.[1];
  if (status === undefined) throw new Error("the answer is not HTTP");
  return parseInt(status, 10);
}

async function readHeaders(incoming: Incoming): Promise<Headers> {
  const headers = new Headers();
  for (let line = await incoming.line(); line !== ""; line = await incoming.line()) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return headers;
}

async function readBody(incoming: Incoming, headers: Headers): Promise<Uint8Array<ArrayBuffer>> {
  if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") return await readChunks(incoming);
  const length = headers.get("content-length");
  if (length === null) return await incoming.rest();
  if (!/^\d{1,15}$/.test(length)) throw new Error("the answer's length is no number");
  return await incoming.exactly(parseInt(length, 10));
}

async function readChunks(incoming: Incoming): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const size = /^([0-9a-f]{1,8})\s*(;|$)/i.exec(await incoming.line())?.[1];
    if (size === undefined) throw new Error("a chunk of the answer has no size");
    const length = parseInt(size, 16);
    // What may follow the last chunk is of no use, and the connection ends here.
    if (length === 0) return joined(parts);
    parts.push(await incoming.exactly(length));
    await incoming.line();
  }
}
