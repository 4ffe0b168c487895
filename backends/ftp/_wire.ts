/** A connection, plain or secured. After a failure it is of no use but to be closed. */
export interface Wire {
  /** The address that it goes to. */
  readonly peer: string;
  /** What comes next; `undefined` when the other side has ended. One call at a time. */
  read(): Promise<Uint8Array | undefined>;
  /** Takes `bytes` over; resolves when there is room for more. One call at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Says that nothing more will be written. */
  end(): Promise<void>;
  /** Ends both directions at once; what is pending fails. May be called again. */
  close(): void;
}

/** Where to connect to. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

const READ_BYTES = 64 * 1024;

/** Opens a plain connection. */
export async function connectPlain({ host, port }: Place, signal?: AbortSignal): Promise<Wire> {
  const connecting = Deno.connect({ hostname: host, port });
  const connection = await unlessAborted(connecting, signal, (late) => late.close());
  connection.setNoDelay();
  return new PlainWire(connection);
}

/** What `pending` gives, or the signal's reason; then `discard` gets what comes too late. */
export async function unlessAborted<T>(
  pending: Promise<T>,
  signal: AbortSignal | undefined,
  discard: (late: T) => void,
): Promise<T> {
  if (signal === undefined) return await pending;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([pending, aborted]);
  } catch (thrown) {
    if (signal.aborted) pending.then(discard, () => {});
    throw thrown;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

class PlainWire implements Wire {
  readonly peer: string;
  readonly #connection: Deno.TcpConn;
  #isClosed = false;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.peer = connection.remoteAddr.hostname;
  }

  async read(): Promise<Uint8Array | undefined> {
    const buffer = new Uint8Array(READ_BYTES);
    const sizeBytes = await this.#connection.read(buffer);
    if (sizeBytes === null) return undefined;
    // A few bytes shall not hold a whole buffer in memory.
    return sizeBytes < READ_BYTES / 2 ? buffer.slice(0, sizeBytes) : buffer.subarray(0, sizeBytes);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }

  async end(): Promise<void> {
    await this.#connection.closeWrite();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }
}
