/** Where the stack's own lines go, so that the screen stays readable: PostgreSQL, functions, stand-ins. */

/** One file of this size and the one before it are kept (bytes). */
const MAX_BYTES = 10 * 1024 * 1024;
const OWNER_ONLY = 0o600;

/** A log file that replaces its predecessor `<path>.1` when it is full. Lines are never lost to the caller's errors. */
export class LogFile {
  #file: Deno.FsFile;
  #bytes: number;

  constructor(private readonly path: string) {
    this.#file = this.#open();
    this.#bytes = this.#file.statSync().size;
  }

  write(line: string): void {
    const bytes = new TextEncoder().encode(`${new Date().toISOString()} ${line}\n`);
    if (this.#bytes + bytes.length > MAX_BYTES) this.#turn();
    for (let written = 0; written < bytes.length;) {
      written += this.#file.writeSync(bytes.subarray(written));
    }
    this.#bytes += bytes.length;
  }

  close(): void {
    this.#file.close();
  }

  #turn(): void {
    this.#file.close();
    Deno.renameSync(this.path, `${this.path}.1`);
    this.#file = this.#open();
    this.#bytes = 0;
  }

  #open(): Deno.FsFile {
    return Deno.openSync(this.path, { append: true, create: true, mode: OWNER_ONLY });
  }
}
