/** Reading a request's body within a limit, and the refusal of one that cannot be used. */

/** A request that is refused before it reaches a use case. */
export class RequestError extends Error {
  constructor(
    readonly status: 400 | 401 | 404 | 405 | 413,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** The body as JSON: undefined when it is not, {} when it is empty. Throws `RequestError` above `maxBytes`. */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const text = await readLimited(request, maxBytes);
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readLimited(request: Request, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) {
      throw new RequestError(413, "body_too_large", `the body has at most ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return new TextDecoder().decode(await new Blob(chunks as BlobPart[]).arrayBuffer());
}
