import type { LogRecord } from "../../src/protocol/record.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";
import { findKeyViolations, findKeptViolations, KeyHistory } from "./kept-ledger.ts";
import { formatStamp } from "../../src/cli/torture/record-stamp.ts";

const compacted = { name: "crash-compacted", keys: 200, batchRecords: 10 };
const retained = { name: "crash-retained", batchRecords: 10 };

/** What rolls often enough that there is always something to clean or to remove. */
const compactedConfigs = {
  "cleanup.policy": "compact",
  "segment.records": "200",
  "min.cleanable.dirty.ratio": "0",
  "delete.retention.ms": "500",
};
const retainedConfigs = { "segment.records": "100", "retention.records": "500" };

/** Settings of a node that looks for work of this kind all the time. */
export const busyMaintenance = {
  "log.cleaner.backoff.ms": "50",
  "log.retention.check.interval.ms": "50",
  "log.segment.delete.delay.ms": "200",
};

/**
 * Keeps compaction and retention at work: one topic whose keys are overwritten and deleted without
 * end, one of which only the newest records are kept. It knows what must be left of either.
 */
export class MaintenanceLoad {
  readonly #history = new KeyHistory(compacted.keys);
  /** The stamp acknowledged at each offset of the retained topic. */
  readonly #kept = new Map<number, number>();
  #sent = 0;
  #logStart = 0;
  #isStopping = false;
  #leftCount = 0;

  /** Records written to the compacted topic, and those that were left of them. */
  get compactedFrom(): number {
    return this.#history.acknowledgedCount;
  }

  get compactedTo(): number {
    return this.#leftCount;
  }

  /** The first offset that was left at the last look. */
  get removedCount(): number {
    return this.#logStart;
  }

  async prepare(port: number): Promise<void> {
    const client = await RawClient.open(port);
    await client.createTopic(compacted.name, { configs: compactedConfigs });
    await client.createTopic(retained.name, { configs: retainedConfigs });
    client.close();
  }

  /** Goes on until `stop` or until the connections break. */
  async run(port: number): Promise<void> {
    this.#isStopping = false;
    await Promise.all([
      this.#repeat(port, (client) => this.#writeKeys(client)),
      this.#repeat(port, (client) => this.#writeRecords(client)),
    ]);
  }

  stop(): void {
    this.#isStopping = true;
  }

  async findViolations(port: number): Promise<string[]> {
    const client = await RawClient.open(port);
    const keyed = await readFromStart(client, compacted.name);
    const kept = await readFromStart(client, retained.name);
    client.close();
    this.#leftCount = keyed.records.length;
    const before = { logStart: this.#logStart, acknowledged: this.#kept };
    this.#logStart = kept.logStart;
    for (const offset of this.#kept.keys()) if (offset < kept.logStart) this.#kept.delete(offset);
    return [...findKeyViolations(this.#history, keyed), ...findKeptViolations(before, kept)];
  }

  async #repeat(port: number, step: (client: RawClient) => Promise<void>): Promise<void> {
    try {
      const client = await RawClient.open(port);
      while (!this.#isStopping) await step(client);
      client.close();
    } catch {
      // The broker is gone: what was under way is not acknowledged.
    }
  }

  async #writeKeys(client: RawClient): Promise<void> {
    const writes = this.#history.next(compacted.batchRecords);
    const { errorCode } = await client.produce([compacted.name, 0], batchOf(writes));
    if (errorCode === 0) this.#history.acknowledge(writes.length);
    else this.#history.giveUp();
  }

  async #writeRecords(client: RawClient): Promise<void> {
    const first = this.#sent;
    this.#sent += retained.batchRecords;
    const stamps = Array.from({ length: retained.batchRecords }, (_, index) => first + index);
    const values = stamps.map((sequence) => ({ value: formatStamp({ producer: 0, sequence }) }));
    const answer = await client.produce([retained.name, 0], batchOf(values));
    if (answer.errorCode !== 0) return;
    for (const [index, stamp] of stamps.entries()) {
      this.#kept.set(Number(answer.baseOffset) + index, stamp);
    }
  }
}

/** What a partition holds; retention may move on between the two questions. */
async function readFromStart(
  client: RawClient,
  topic: string,
): Promise<{ logStart: number; end: number; records: LogRecord[] }> {
  const { offset: end } = await client.listOffset([topic, 0], -1);
  for (;;) {
    const { offset: logStart } = await client.listOffset([topic, 0], -2);
    const from = Number(logStart);
    const records = await client.readAll([topic, 0], from).catch((error: Error) => error);
    if (!(records instanceof Error)) return { logStart: from, end: Number(end), records };
    const { offset: now } = await client.listOffset([topic, 0], -2);
    if (Number(now) === from) throw records;
  }
}
