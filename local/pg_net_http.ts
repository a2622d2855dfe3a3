/**
 * One HTTP request of pg_net, with what libcurl would make of it. Every outcome, also a failure, is a row of
 * `net._http_response`; the texts are libcurl's, because people search for them.
 *
 * `node:http` instead of `fetch`: it keeps the case of header names, sends any port and shows the connection's timings.
 */
import http from "node:http";
import https from "node:https";

/** A row taken from `net.http_request_queue`. */
export interface QueuedRequest {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | null>> | null;
  /** The bytes to send, null for no body. */
  readonly body: Uint8Array | null;
  /** 0 waits for ever. */
  readonly timeoutMs: number;
}

/** A row for `net._http_response`. */
export interface StoredResponse {
  readonly id: string;
  readonly status_code: number | null;
  readonly content_type: string | null;
  readonly headers: Record<string, string> | null;
  readonly content: string | null;
  readonly timed_out: boolean;
  readonly error_msg: string | null;
}

interface Hop {
  readonly method: string;
  readonly url: URL;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array | null;
}

interface Answer {
  readonly status: number;
  readonly headers: [name: string, value: string][];
  readonly content: Uint8Array;
}

/** When the phases of the last hop ended, in milliseconds since the request began. */
interface Timings {
  lookupMs: number | null;
  connectedMs: number | null;
}

/** A failure that libcurl has a sentence for. */
class TransferError extends Error {}

const USER_AGENT = "pg_net/0.20.4";
const MAX_REDIRECTS = 30;
const CREDENTIAL_HEADERS = new Set(["authorization", "cookie"]);

/** Sends the request and follows redirects. Rejects only when `aborted` fires. */
export async function sendRequest(request: QueuedRequest, aborted: AbortSignal): Promise<StoredResponse> {
  const began = performance.now();
  const timings: Timings = { lookupMs: null, connectedMs: null };
  const timeout = new AbortController();
  const timer = request.timeoutMs > 0 ? setTimeout(() => timeout.abort(), request.timeoutMs) : undefined;
  try {
    const signal = AbortSignal.any([aborted, timeout.signal]);
    return storedAnswer(request.id, await follow(firstHop(request), signal, began, timings));
  } catch (error) {
    if (aborted.aborted) throw error;
    const timedOut = timeout.signal.aborted;
    const message = timedOut
      ? timeoutMessage(request.timeoutMs, performance.now() - began, timings)
      : failureMessage(error);
    return { ...emptyResponse(request.id), timed_out: timedOut, error_msg: message };
  } finally {
    clearTimeout(timer);
  }
}

function firstHop({ method, url, headers, body }: QueuedRequest): Hop {
  const sent = new Map<string, string>([["Accept", "*/*"], ["User-Agent", USER_AGENT]]);
  if (body !== null) sent.set("Content-Type", "application/x-www-form-urlencoded");
  for (const [name, value] of Object.entries(headers ?? {})) {
    // Header names are compared without case; libcurl sends none whose value is empty.
    for (const known of sent.keys()) if (known.toLowerCase() === name.toLowerCase()) sent.delete(known);
    if (value === null || value.trim() === "") continue;
    if (/[\r\n]/.test(name + value)) {
      throw new TransferError(`header "${name}" contains a carriage return or line feed`);
    }
    sent.set(name, value);
  }
  return { method: method.toUpperCase(), url: new URL(url), headers: sent, body };
}

async function follow(first: Hop, signal: AbortSignal, began: number, timings: Timings): Promise<Answer> {
  let hop = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await transfer(hop, signal, began, timings);
    const location = answer.headers.findLast(([name]) => name.toLowerCase() === "location")?.[1];
    const isRedirect = [301, 302, 303, 307, 308].includes(answer.status);
    if (!isRedirect || location === undefined) return answer;
    hop = nextHop(hop, answer.status, new URL(location, hop.url));
  }
  throw new TransferError("Number of redirects hit maximum amount");
}

/** A POST becomes a GET except after 307 and 308. Another origin gets no credentials, but keeps e.g. `apikey`. */
function nextHop(hop: Hop, status: number, url: URL): Hop {
  const keepsMethod = status === 307 || status === 308 || hop.method !== "POST";
  const isSameOrigin = url.origin === hop.url.origin;
  const headers = new Map(
    [...hop.headers].filter(([name]) => isSameOrigin || !CREDENTIAL_HEADERS.has(name.toLowerCase())),
  );
  return { method: keepsMethod ? hop.method : "GET", url, headers, body: keepsMethod ? hop.body : null };
}

function transfer(hop: Hop, signal: AbortSignal, began: number, timings: Timings): Promise<Answer> {
  if (hop.url.protocol !== "http:" && hop.url.protocol !== "https:") {
    throw new TransferError("Unsupported protocol");
  }
  const isTls = hop.url.protocol === "https:";
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = Object.fromEntries(hop.headers);
    if (hop.body !== null || hop.method === "POST") headers["Content-Length"] = String(hop.body?.length ?? 0);
    const request = (isTls ? https : http).request(hop.url, {
      method: hop.method,
      headers,
      agent: false,
      signal,
    });
    request.on("error", reject);
    request.on("socket", (socket) => {
      socket.once("lookup", () => (timings.lookupMs = performance.now() - began));
      socket.once(
        isTls ? "secureConnect" : "connect",
        () => (timings.connectedMs = performance.now() - began),
      );
    });
    request.on("response", (message) => {
      const chunks: Uint8Array[] = [];
      message.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      message.on("error", () => reject(new TransferError("Transferred a partial file")));
      message.on("end", () =>
        resolve({
          status: message.statusCode ?? 0,
          headers: pairs(message.rawHeaders),
          content: concatenated(chunks),
        }));
    });
    request.end(hop.body ?? undefined);
  });
}

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, at) => at % 2 === 0 ? [[name, flat[at + 1] ?? ""] as [string, string]] : []);
}

function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Duplicate header names: the last wins. Content ends at a NUL byte, and an empty one is stored as null. */
function storedAnswer(id: string, answer: Answer): StoredResponse {
  const nul = answer.content.indexOf(0);
  const text = new TextDecoder().decode(nul === -1 ? answer.content : answer.content.subarray(0, nul));
  const contentType = answer.headers.find(([name]) => name.toLowerCase() === "content-type");
  return {
    ...emptyResponse(id),
    status_code: answer.status,
    content_type: contentType?.[1] ?? null,
    headers: Object.fromEntries(answer.headers),
    content: text === "" ? null : text,
  };
}

function emptyResponse(id: string): StoredResponse {
  return {
    id,
    status_code: null,
    content_type: null,
    headers: null,
    content: null,
    timed_out: false,
    error_msg: null,
  };
}

function timeoutMessage(timeoutMs: number, totalMs: number, timings: Timings): string {
  const lookupMs = timings.lookupMs ?? 0;
  const connectedMs = timings.connectedMs ?? totalMs;
  const ms = (value: number) => `${value.toFixed(6)} ms`;
  return `Timeout of ${timeoutMs} ms reached. Total time: ${ms(totalMs)} (DNS time: ${ms(lookupMs)}, ` +
    `TCP/SSL handshake time: ${ms(connectedMs - lookupMs)}, HTTP Request/Response time: ${
      ms(totalMs - connectedMs)
    })`;
}

/** The sentence of libcurl for a failure as Node names it. */
function failureMessage(error: unknown): string {
  if (error instanceof TransferError) return error.message;
  const { code = "", message = "" } = error as { code?: string; message?: string };
  if (/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ETIMEDOUT)$/.test(code)) {
    return "Couldn't connect to server";
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "Couldn't resolve host name";
  if (message.includes("socket hang up")) return "Server returned nothing (no headers, no data)";
  if (code.startsWith("HPE_")) return "Weird server reply";
  if (/CERT|TLS|SSL/i.test(`${code} ${message}`)) return "SSL peer certificate or SSH remote key was not OK";
  return "Failure when receiving data from the peer";
}
