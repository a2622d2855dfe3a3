import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Buffer } from "node:buffer";
import type { Simulator } from "../simulator.ts";
import type { Delivery } from "../faults/delivery.ts";
import type { WireRequest } from "./wire.ts";

/** No request of this API is nearly as long (bytes). */
const BODY_MAX = 65_536;
const HOST = "127.0.0.1";

/** A listening server. */
export interface Listening extends AsyncDisposable {
  readonly url: string;
}

/**
 * The REST API over HTTP. It stands on `node:http`, because faults need the socket: to end a connection without a
 * byte, or in the middle of a body.
 */
export async function serveApi(simulator: Simulator, port: number): Promise<Listening> {
  return await listen(port, async (request, response, body) => {
    send(response, await simulator.handle(toWire(request, body)));
  });
}

/** Serves one handler. An unexpected error of the handler is a 500 with its words. */
export async function listen(
  port: number,
  handle: (request: IncomingMessage, response: ServerResponse, body: string) => Promise<void>,
): Promise<Listening> {
  const server = createServer((request, response) => {
    readBody(request)
      .then((body) => body === null ? tooLarge(response) : handle(request, response, body))
      .catch((error) => {
        console.error(error);
        if (!response.headersSent) response.writeHead(500);
        response.end(String(error));
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, HOST, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return { url: `http://${HOST}:${actual}`, [Symbol.asyncDispose]: () => close(server) };
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

/** The body of a request; null: it is too long. The rest of it is read and dropped, so that the client hears of it. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size <= BODY_MAX) parts.push(part);
  }
  return size > BODY_MAX ? null : Buffer.concat(parts).toString("utf8");
}

function tooLarge(response: ServerResponse): void {
  response.writeHead(413, { Connection: "close" }).end();
}

function toWire(request: IncomingMessage, body: string): WireRequest {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const apiKey = request.headers["x-mbx-apikey"];
  return {
    method: request.method ?? "GET",
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? "" : url.slice(mark + 1),
    body,
    apiKey: typeof apiKey === "string" ? apiKey : null,
    ip: (request.socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
  };
}

function send(response: ServerResponse, delivery: Delivery): void {
  if (delivery.kind === "dropped") return void response.socket?.destroy();
  const { status, headers, body } = delivery.answer;
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
  if (delivery.kind === "answer") return void response.end(body);
  response.write(body.slice(0, Math.floor(body.length / 2)));
  const timer = setTimeout(() => response.socket?.destroy(), delivery.afterMs);
  response.on("close", () => clearTimeout(timer));
}
