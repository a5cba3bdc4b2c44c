import { setImmediate as nextTurn } from "node:timers/promises";
import { formatCursor } from "../../../broker/follow/cursor.ts";
import type { FollowedRecords, Following } from "../../../broker/follow/following.ts";
import type { RecordSlice } from "../../../broker/follow/record-run.ts";
import { formatRecord } from "../records/format-record.ts";
import { turnSizeBytes } from "./live-readers.ts";
import type { PacedOutput, ReadTurn } from "./paced-output.ts";

/** What one message brings at most, if there is so much. */
const recordsMax = 1_000;
/** The records of a slice as they stand in a message; other doors name theirs otherwise. */
const listForm = "list";

export interface SubscriptionParts {
  readonly name: string;
  readonly following: Following;
  readonly output: PacedOutput;
  /** Undefined: as fast as the socket takes them. */
  readonly credits: number | undefined;
  /** All it followed is gone. */
  readonly onOver: () => void;
}

/** What one socket follows under one name. */
export class SocketSubscription {
  readonly #parts: SubscriptionParts;
  readonly #turn: ReadTurn;
  /** Behind the last message that was sent. */
  #cursor: string;
  #credits: number;
  #resume: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#turn = parts.output.turn();
    parts.following.onWait = () => this.#turn.end();
    this.#credits = parts.credits ?? Infinity;
    this.#cursor = formatCursor(parts.following.cursor());
  }

  get cursor(): string {
    return this.#cursor;
  }

  get partitionCount(): number {
    return this.#parts.following.partitionCount;
  }

  /** Sends until it is closed or all is over. Rejects on a defect of ours only. */
  async run(): Promise<void> {
    try {
      while (!this.#isClosed) await this.#goOn();
    } finally {
      this.#turn.end();
    }
  }

  async #goOn(): Promise<void> {
    const { following } = this.#parts;
    await this.#mayGoOn();
    const records = Math.min(recordsMax, this.#credits);
    const followed = await following.next({ records, bytes: turnSizeBytes });
    if (this.#isClosed) return;
    if (followed === undefined) {
      this.#isClosed = true;
      return;
    }
    this.#send(followed);
    this.#turn.end();
    if (following.partitionCount > 0) return;
    this.close();
    this.#parts.onOver();
  }

  addCredits(credits: number): void {
    this.#credits += credits;
    this.#resume?.();
    this.#resume = undefined;
  }

  /** Nothing more is sent. Twice is harmless. */
  close(): void {
    this.#isClosed = true;
    this.#parts.following.close();
    this.#resume?.();
  }

  async #mayGoOn(): Promise<void> {
    if (this.#credits <= 0) await new Promise<void>((resolve) => (this.#resume = resolve));
    else if (this.#parts.following.isBehind) await nextTurn();
    for (let waiting = this.#turn.ready(); waiting !== undefined; waiting = this.#turn.ready()) {
      await waiting;
      if (this.#isClosed) return;
    }
  }

  #send({ records, slice, moved, ended }: FollowedRecords): void {
    const { following } = this.#parts;
    this.#cursor = formatCursor(following.cursor());
    for (const one of moved) this.#tell("moved", one);
    for (const { topic, partition, error } of ended) {
      this.#tell("ended", { topic, partition, code: error.code, detail: error.message });
    }
    if (records.length === 0) return;
    this.#credits -= records.length;
    const list = slice.form(listForm, () => formatList(slice));
    this.#parts.output.write(Buffer.concat([this.#head("records", "records"), list, listEnd]));
  }

  #tell(type: string, fields: object): void {
    const { name: subscription } = this.#parts;
    const message = { type, subscription, cursor: this.#cursor, ...fields };
    this.#parts.output.write(Buffer.from(JSON.stringify(message)));
  }

  #head(type: string, listName: string): Uint8Array {
    const { name: subscription } = this.#parts;
    const fields = JSON.stringify({ type, subscription, cursor: this.#cursor });
    return Buffer.from(`${fields.slice(0, -1)},"${listName}":[`);
  }
}

const listEnd = Buffer.from("]}");

function formatList({ records }: RecordSlice): Uint8Array {
  return Buffer.from(records.map(formatRecord).join(","));
}
