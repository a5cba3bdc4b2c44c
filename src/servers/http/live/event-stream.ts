import type { IncomingMessage, ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { formatCursor, formatCursorStem } from "../../../broker/follow/cursor.ts";
import type { FollowedRecords, Following } from "../../../broker/follow/following.ts";
import type { StoredRecord } from "../../../broker/records/stored-record.ts";
import { cutOff } from "../cut-off.ts";
import {
  formatCursorEvent,
  formatEndedEvent,
  formatFirstEvent,
  formatMovedEvent,
  formatRecordEvents,
  heartbeat,
} from "./event-format.ts";
import { type LiveReader, type LiveReaders, turnSizeBytes } from "./live-readers.ts";
import { type OutputTarget, PacedOutput, type ReadTurn } from "./paced-output.ts";

/** What one write brings, if there is so much. All streams cut alike, so that they share it. */
const sliceLimits = { records: 1_000, bytes: turnSizeBytes };

/** One client of server-sent events. */
export class EventStream implements LiveReader, OutputTarget {
  readonly #readers: LiveReaders;
  readonly #following: Following;
  readonly #response: ServerResponse;
  readonly #output: PacedOutput;
  readonly #turn: ReadTurn;
  /** Of `following`, when the client was told of its cursor. */
  #toldPassedCount = 0;
  /** Of a stream of one partition: it stays. */
  #stem: string | undefined;

  constructor(readers: LiveReaders, following: Following, response: ServerResponse) {
    this.#readers = readers;
    this.#following = following;
    this.#response = response;
    this.#output = new PacedOutput(readers, this);
    this.#turn = this.#output.turn();
    following.onWait = () => this.#turn.end();
  }

  /** Answers the request with a stream that lasts until one side ends it. */
  start(request: IncomingMessage): void {
    const response = this.#response;
    if (response.destroyed) {
      this.#following.close();
      return;
    }
    if (request.httpVersionMajor === 1) lighten(request, response);
    // Proxies are not to hold events back: nginx heeds this one.
    response.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
    if (request.method === "HEAD") {
      this.#following.close();
      response.end();
      return;
    }
    response.on("close", () => this.#gone());
    response.on("drain", () => this.#output.drained());
    response.on("error", () => undefined);
    this.#readers.add(this);
    this.#send(formatFirstEvent(this.#cursor));
    void this.#run();
  }

  /** @internal Of its output. */
  write(bytes: Uint8Array): boolean {
    return this.#response.write(bytes);
  }

  /** @internal Of its output. */
  destroy(): void {
    cutOff(this.#response);
  }

  check(nowMs: number): void {
    if (!this.#output.check(nowMs)) return;
    const { passedCount } = this.#following;
    this.#send(passedCount === this.#toldPassedCount ? heartbeat : formatCursorEvent(this.#cursor));
    this.#toldPassedCount = passedCount;
  }

  close(): void {
    this.#following.close();
    // He would be waited for.
    if (this.#output.isFull) cutOff(this.#response);
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        let waiting = this.#turn.ready();
        // Others have theirs between the pieces of a long history.
        if (waiting === undefined && this.#following.isBehind) await nextTurn();
        for (; waiting !== undefined; waiting = this.#turn.ready()) await waiting;
        const followed = await this.#following.next(sliceLimits);
        if (followed === undefined) break;
        this.#answer(followed);
        this.#turn.end();
        if (this.#following.partitionCount === 0) break;
      }
      this.#response.end();
    } catch (error) {
      this.#readers.tellDefect(error);
      cutOff(this.#response);
    } finally {
      this.#turn.end();
    }
  }

  #answer({ records, slice, moved, ended }: FollowedRecords): void {
    for (const one of moved) this.#send(formatMovedEvent(one, this.#cursor));
    for (const one of ended) this.#send(formatEndedEvent(one, this.#cursor));
    const [first] = records;
    if (first === undefined) return;
    this.#toldPassedCount = this.#following.passedCount;
    const stem = this.#stem ?? this.#formatStem(first);
    this.#output.write(slice.form(stem, () => formatRecordEvents(slice, stem)));
  }

  #formatStem({ topic, partition }: StoredRecord): string {
    const stem = formatCursorStem(this.#following.cursor(), topic, partition);
    if (this.#following.partitionCount === 1) this.#stem = stem;
    return stem;
  }

  #send(text: string): void {
    this.#output.write(Buffer.from(text));
  }

  get #cursor(): string {
    return formatCursor(this.#following.cursor());
  }

  #gone(): void {
    this.#readers.remove(this);
    this.#following.close();
    this.#output.drained();
  }
}

/** A stream may last for days, and there may be thousands. */
function lighten(request: IncomingMessage, response: ServerResponse): void {
  // Its end is the end of the connection: no framing around each event, and no copy for it.
  response.useChunkedEncodingByDefault = false;
  // Browsers send much that is not looked at again.
  request.rawHeaders = [];
  request.headers = {};
}
