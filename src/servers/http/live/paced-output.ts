import type { LiveReaders } from "./live-readers.ts";

/** A connection that takes bytes, as far as live reading needs it. */
export interface OutputTarget {
  /** Answers whether more is welcome; if not, `drained` of the output is to be called later. */
  write(bytes: Uint8Array): boolean;
  /** Cuts the connection off. */
  destroy(): void;
}

/**
 * What goes to one live reader, no faster than he takes it: he is pulled for only when all he was
 * given has left, and is cut off when he takes nothing for `live.slow.reader.ms`. He goes on from
 * his cursor.
 */
export class PacedOutput {
  readonly #readers: LiveReaders;
  readonly #target: OutputTarget;
  #lastWriteMs: number;
  #fullSinceMs: number | undefined;
  #pendingBytes = 0;
  #waiting: (() => void)[] = [];

  constructor(readers: LiveReaders, target: OutputTarget) {
    this.#readers = readers;
    this.#target = target;
    this.#lastWriteMs = readers.clock.monotonicMs();
  }

  /** It has yet to take what it was given. */
  get isFull(): boolean {
    return this.#fullSinceMs !== undefined;
  }

  write(bytes: Uint8Array): void {
    this.#lastWriteMs = this.#readers.clock.monotonicMs();
    if (this.#target.write(bytes)) return;
    this.#fullSinceMs ??= this.#lastWriteMs;
    this.#pendingBytes += bytes.length;
    this.#readers.changeBacklog(bytes.length);
  }

  /** For something to be read for him; a WebSocket has several such things. */
  turn(): ReadTurn {
    return new ReadTurn(this.#readers, this);
  }

  /** @internal Resolves when he has taken all he was given; undefined: he has. */
  taken(): Promise<void> | undefined {
    if (this.#fullSinceMs === undefined) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The connection has taken all there was, or is gone. */
  drained(): void {
    this.#fullSinceMs = undefined;
    const taken = this.#pendingBytes;
    this.#pendingBytes = 0;
    if (taken > 0) this.#readers.changeBacklog(-taken);
    for (const resume of this.#waiting.splice(0)) resume();
  }

  /** Cuts a slow reader off. Answers whether it is time to send something, be it nothing. */
  check(nowMs: number): boolean {
    const { "live.heartbeat.ms": heartbeatMs, "live.slow.reader.ms": slowMs } =
      this.#readers.settings;
    if (this.#fullSinceMs === undefined) return nowMs - this.#lastWriteMs >= heartbeatMs;
    if (nowMs - this.#fullSinceMs >= slowMs) this.#target.destroy();
    return false;
  }
}

/** When the next is to be read: not before the last was taken, nor when others leave too much. */
export class ReadTurn {
  readonly #readers: LiveReaders;
  readonly #output: PacedOutput;
  #isHeld = false;

  constructor(readers: LiveReaders, output: PacedOutput) {
    this.#readers = readers;
    this.#output = output;
  }

  /** Resolves when it is worth while to ask again; undefined: it is his turn, until `end`. */
  ready(): Promise<void> | undefined {
    const taken = this.#output.taken();
    if (taken !== undefined || this.#isHeld) return taken;
    const given = this.#readers.takeTurn();
    if (given !== undefined) return given.then(() => void (this.#isHeld = true));
    this.#isHeld = true;
    return undefined;
  }

  /** What was read is written, or nothing is there to be read. Twice is harmless. */
  end(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#readers.endTurn();
  }
}
