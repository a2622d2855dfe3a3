/**
 * A connection for postgres.js that its pool can use again after the server died. Its 3.4.9 collects small messages
 * and sends them on a later turn of the event loop; a connection that is lost in between keeps what it had collected,
 * together with a timer that no longer runs, and then waits for ever or sends the dead session's statements to the
 * next one (porsager/postgres#1209, #1215, #1216).
 */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import type postgres from "postgres";

/** What is at least this long the driver sends at once, which also resets what it had collected (bytes). */
const SENT_AT_ONCE = 1_024;
/** Version 3.0 of the protocol, the second field of a startup message after its length. */
const PROTOCOL_VERSION = 196_608;
const STARTUP_HEADER_BYTES = 8;

/** Options for a client of `url` (TCP, no TLS) whose pool outlives the server. `connection`: further session settings. */
export function survivingOptions(
  url: string,
  connection: Readonly<Record<string, string>> = {},
): postgres.Options<Record<string, never>> {
  const { hostname, port } = new URL(url);
  return {
    onnotice: () => {},
    // Blank command-line options change nothing but the length of the startup message.
    connection: { ...connection, options: " ".repeat(SENT_AT_ONCE) },
    socket: () => openSocket(hostname, Number(port)),
  } as postgres.Options<Record<string, never>>;
}

/** A socket whose first message starts with the session, and that takes a write after its end without an error. */
function openSocket(host: string, port: number): Socket {
  const socket = connect(port, host);
  const send = socket.write.bind(socket) as (data: Uint8Array, done?: () => void) => boolean;
  let isFirst = true;
  socket.write = ((data: Uint8Array, done?: () => void) => {
    const message = isFirst ? fromStartup(data) : data;
    isFirst = false;
    // The driver writes outside of every caller; whoever waits for an answer learns of the loss when the socket closes.
    if (socket.destroyed || socket.writableEnded) return true;
    try {
      return send(message, done);
    } catch (error) {
      socket.destroy(error as Error);
      return true;
    }
  }) as Socket["write"];
  // After a close that an error came before, the driver forgets the statements that it was given between the two.
  const emit = socket.emit.bind(socket) as (event: string, ...values: unknown[]) => boolean;
  socket.emit =
    ((event: string, ...values: unknown[]) =>
      event === "close" ? emit(event, false) : emit(event, ...values)) as Socket["emit"];
  return socket;
}

/** The startup message that ends `data`, without what was left of an earlier session; all of it when there is none. */
export function fromStartup(data: Uint8Array): Uint8Array {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  for (let begin = 0; begin + STARTUP_HEADER_BYTES <= bytes.length; begin++) {
    const isStartup = bytes.readUInt32BE(begin) === bytes.length - begin &&
      bytes.readUInt32BE(begin + 4) === PROTOCOL_VERSION;
    if (isStartup) return bytes.subarray(begin);
  }
  return data;
}
