import { formatChainConfig } from "../../../replication/chain-config.ts";
import type { ChainChange } from "../../../replication/controller/chain-change.ts";

/** A coordinator takes so many keys in one transaction. */
export const keysPerTransaction = 64;

/** What the controller did for one event. */
export class Work {
  changes = 0;
  transactions = 0;
  writtenBytes = 0;
  /** The processor's time in `decide`, all calls and the longest one. */
  decideMs = 0;
  longestMs = 0;

  /** Runs it and counts its time: what other processes take of the machine is left out. */
  time<T>(decide: () => T): T {
    const before = process.cpuUsage();
    const answer = decide();
    const { user, system } = process.cpuUsage(before);
    this.#decided((user + system) / 1_000);
    return answer;
  }

  wrote(changes: readonly ChainChange[]): void {
    this.changes += changes.length;
    this.transactions += Math.ceil(changes.length / keysPerTransaction);
    for (const { key, config } of changes) {
      this.writtenBytes += key.length + formatChainConfig(config).length;
    }
  }

  #decided(ms: number): void {
    this.decideMs += ms;
    this.longestMs = Math.max(this.longestMs, ms);
  }
}
