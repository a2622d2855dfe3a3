/** The edges of an HTTP exchange that every route shares: bounded bodies, JSON refusals, CORS. */

/** A refusal in JSON with a stable code. */
export function refuse(
  status: number,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(body, { status, headers: { ...headers } });
}

/** The whole body, or null as soon as it is found to be larger than the limit. */
export async function readBody(
  request: Request,
  limitBytes: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (request.body === null) return new Uint8Array();
  if (Number(request.headers.get("content-length") ?? 0) > limitBytes) {
    await request.body.cancel();
    return null;
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > limitBytes) return null;
    chunks.push(chunk);
  }
  return joined(chunks, size);
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

/** The answer to a body above the limit. */
export function bodyTooLarge(limitBytes: number): Response {
  return refuse(413, {
    code: "REQUEST_BODY_TOO_LARGE",
    message: `The request body is larger than ${limitBytes} bytes`,
  });
}

const PREFLIGHT_AGE_SECONDS = "3600";
const METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS";
const EXPOSED_HEADERS = "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, " +
  "Preference-Applied, Server, Transfer-Encoding, Range-Unit";

/** Whether a request is a browser's question about a cross-origin request, not a request itself. */
export function isPreflight(request: Request): boolean {
  return request.method === "OPTIONS" && request.headers.has("access-control-request-method");
}

/** Allows what the browser asked for: a local project is open to every origin, as the hosted API is. */
export function answerPreflight(request: Request): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": request.headers.get("access-control-request-headers") ?? "*",
      "access-control-max-age": PREFLIGHT_AGE_SECONDS,
    },
  });
}

/** Lets browsers of every origin read the answer. */
export function withCors(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("access-control-allow-origin", "*");
  headers.set("access-control-expose-headers", EXPOSED_HEADERS);
  return new Response(response.body, { status: response.status, headers });
}
