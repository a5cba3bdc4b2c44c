import type { Disk } from "../ports/disk.ts";
import { Turns } from "../turns.ts";
import { Idempotency } from "./idempotency/idempotency.ts";
import { KeylessTurns } from "./keyless-turns.ts";

/** What reading and writing records by other doors than Kafka's keeps between requests. */
export class RecordState {
  readonly keylessTurns = new KeylessTurns();
  /** Patches of one partition go one after the other. */
  readonly patches = new Turns();
  readonly idempotency: Idempotency;

  constructor(disk: Disk) {
    this.idempotency = new Idempotency(disk);
  }

  /** Before the topics close. */
  async close(): Promise<void> {
    await this.idempotency.close();
  }
}
