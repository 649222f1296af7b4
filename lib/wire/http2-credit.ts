// Flow control of HTTP/2 (RFC 9113 sections 5.2, 6.9) for a connection with one stream that carries DATA: how much may be
// sent, and how much more the other end is to be let send. Pure arithmetic.

/** Both windows before anything was said of them (section 6.9.2). */
const INITIAL_BYTES = 65_535;
/** No window may be larger (section 6.9.1). */
const MAX_BYTES = 2 ** 31 - 1;

/** What the other end lets us send, bytes. */
export class SendCredit {
  #connection = INITIAL_BYTES;
  #stream = INITIAL_BYTES;
  #initial = INITIAL_BYTES;

  get bytes(): number {
    return Math.max(0, Math.min(this.#connection, this.#stream));
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE. */
  get initialBytes(): number {
    return this.#initial;
  }

  spend(bytes: number): void {
    this.#connection -= bytes;
    this.#stream -= bytes;
  }

  /** On another stream. */
  spendElsewhere(bytes: number): void {
    this.#connection -= bytes;
  }

  /** The stream begins anew. */
  restart(): void {
    this.#stream = this.#initial;
  }

  /** False: the window would be larger than any may be, which is a FLOW_CONTROL_ERROR. */
  widenConnection(bytes: number): boolean {
    this.#connection += bytes;
    return this.#connection <= MAX_BYTES;
  }

  /** As `widenConnection`. */
  widenStream(bytes: number): boolean {
    this.#stream += bytes;
    return this.#stream <= MAX_BYTES;
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE: moves the stream's window, which may become negative (section 6.9.2). */
  setInitial(bytes: number): boolean {
    this.#stream += bytes - this.#initial;
    this.#initial = bytes;
    return bytes <= MAX_BYTES && this.#stream <= MAX_BYTES;
  }
}

/** What the other end may send ahead of our reading, on the stream and on its connection. */
export class ReceiveCredit {
  readonly #windowBytes: number;
  /** Came and was not given back. */
  #outstanding = 0;
  /** Of these: read. */
  #read = 0;
  /** Of these: came on a stream that is no more, and is given back to the connection alone. */
  #forgotten = 0;

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
  }

  /** False: more than the other end was let send. */
  came(bytes: number): boolean {
    this.#outstanding += bytes;
    return this.#outstanding <= this.#windowBytes;
  }

  read(bytes: number): void {
    this.#read += bytes;
  }

  /** The stream begins anew, with a window of its own; nobody reads what came before. */
  restart(): void {
    this.#forgotten = this.#outstanding;
    this.#read = 0;
  }

  /** In halves of the window, so that a WINDOW_UPDATE is rare. */
  get isDue(): boolean {
    return this.#read + this.#forgotten >= this.#windowBytes / 2;
  }

  /** What is to be given back now. */
  giveBack(): { readonly connection: number; readonly stream: number } {
    const stream = this.#read;
    const connection = stream + this.#forgotten;
    this.#outstanding -= connection;
    this.#read = 0;
    this.#forgotten = 0;
    return { connection, stream };
  }
}
