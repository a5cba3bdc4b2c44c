import { encodeUtf8 } from "../../src/base/text.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import { formatStamp, parseStamp } from "../../src/cli/torture/record-stamp.ts";

/** What was read of a partition from its log start to its end. */
export interface ReadBack {
  readonly logStart: number;
  readonly end: number;
  readonly records: readonly LogRecord[];
}

export interface KeyWrite {
  readonly key: Uint8Array;
  /** Null deletes the key. */
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array }[];
}

/** So often is a key deleted instead of overwritten. */
const tombstoneEvery = 7;
/** So many complaints are made; a broken log has thousands. */
const violationsMax = 20;
const decoder = new TextDecoder();

/** Of one key: how many writes were sent, and the last of them that was acknowledged. */
interface KeyState {
  sent: number;
  acknowledged: number;
}

/** What was written to each key, in order, one batch at a time. */
export class KeyHistory {
  readonly #states: KeyState[];
  #cursor = 0;
  #underWay: number[] = [];
  #acknowledgedCount = 0;

  constructor(keys: number) {
    this.#states = Array.from({ length: keys }, () => ({ sent: 0, acknowledged: -1 }));
  }

  get acknowledgedCount(): number {
    return this.#acknowledgedCount;
  }

  get keys(): readonly Readonly<KeyState>[] {
    return this.#states;
  }

  /** The next writes, each to a key of its own. */
  next(count: number): KeyWrite[] {
    this.#underWay = Array.from({ length: count }, () => this.#cursor++ % this.#states.length);
    return this.#underWay.map((key) => {
      const state = this.#states[key] as KeyState;
      const sequence = state.sent++;
      const headers = [{ key: "sequence", value: encodeUtf8(String(sequence)) }];
      const value = isTombstone(key, sequence) ? null : formatStamp({ producer: key, sequence });
      return { key: encodeUtf8(String(key)), value, headers };
    });
  }

  /** The last writes given out are in the log. */
  acknowledge(count: number): void {
    for (const key of this.#underWay) {
      const state = this.#states[key] as KeyState;
      state.acknowledged = state.sent - 1;
    }
    this.#acknowledgedCount += count;
    this.#underWay = [];
  }

  /** Nobody knows whether they are. */
  giveUp(): void {
    this.#underWay = [];
  }
}

function isTombstone(key: number, sequence: number): boolean {
  return (key + sequence) % tombstoneEvery === 0;
}

/**
 * What a compacted log shows of lost last values, of values that came back, of torn or disordered
 * records. A key may be gone only if its last acknowledged write, or a later one, deletes it.
 */
export function findKeyViolations(history: KeyHistory, { records }: ReadBack): string[] {
  const violations: string[] = [];
  const last = new Map<number, number>();
  let before = -1;
  for (const record of records) {
    const { offset } = record;
    if (offset <= before) violations.push(`offset ${offset} follows ${before}`);
    before = offset;
    const { name, sequence, isWhole } = parseWrite(record);
    if (!isWhole) violations.push(`key ${name}: the record at ${offset} is torn`);
    const older = last.get(name) ?? -1;
    if (sequence <= older) violations.push(`key ${name}: write ${sequence} lies behind ${older}`);
    last.set(name, sequence);
  }
  for (const [key, state] of history.keys.entries()) {
    const wrong = describeKey(key, state, last.get(key));
    if (wrong !== undefined) violations.push(`key ${key}: ${wrong}`);
  }
  return violations.slice(0, violationsMax);
}

function parseWrite({ key, value, headers }: LogRecord) {
  const name = Number(decoder.decode(key ?? new Uint8Array()));
  const sequence = Number(decoder.decode(headers[0]?.value ?? new Uint8Array()));
  const stamp = parseStamp(value);
  const isSame = stamp?.producer === name && stamp.sequence === sequence;
  return { name, sequence, isWhole: value === null ? isTombstone(name, sequence) : isSame };
}

function describeKey(key: number, state: KeyState, found: number | undefined): string | undefined {
  const { acknowledged, sent } = state;
  if (found === undefined) {
    const isGone = acknowledged < 0 || mayBeDeleted(key, acknowledged, sent);
    return isGone ? undefined : `nothing is left of write ${acknowledged}`;
  }
  if (found >= sent) return `write ${found} was never sent`;
  if (found >= acknowledged) return undefined;
  return `write ${found} is the last, ${acknowledged} was acknowledged`;
}

/** Whether a write from the last acknowledged one on deletes the key. */
function mayBeDeleted(key: number, acknowledged: number, sent: number): boolean {
  for (let sequence = acknowledged; sequence < sent; sequence += 1) {
    if (isTombstone(key, sequence)) return true;
  }
  return false;
}

export interface KeptBefore {
  readonly logStart: number;
  /** The stamp acknowledged at each offset. */
  readonly acknowledged: ReadonlyMap<number, number>;
}

/** What a log of which the oldest records go shows of lost, moved, torn or returned records. */
export function findKeptViolations(before: KeptBefore, read: ReadBack): string[] {
  const violations: string[] = [];
  const { logStart, end, records } = read;
  if (logStart < before.logStart) {
    violations.push(`the log starts at ${logStart}, it was ${before.logStart}`);
  }
  const found = new Map<number, number>();
  let expected = logStart;
  for (const { offset, value } of records) {
    if (offset !== expected) violations.push(`offset ${offset} comes, ${expected} was next`);
    expected = offset + 1;
    const stamp = parseStamp(value);
    if (stamp === undefined) violations.push(`the record at ${offset} is torn`);
    else found.set(offset, stamp.sequence);
  }
  if (expected < end) violations.push(`records end at ${expected}, the log at ${end}`);
  for (const [offset, stamp] of before.acknowledged) {
    if (offset < logStart || found.get(offset) === stamp) continue;
    violations.push(`write ${stamp}, acknowledged at ${offset}, is not there`);
  }
  return violations.slice(0, violationsMax);
}
