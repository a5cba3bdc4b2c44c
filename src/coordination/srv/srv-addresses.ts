import type { Cancel, Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Address, AddressSource } from "./address-source.ts";
import { orderRecords, type SrvRecord } from "./order-records.ts";

export interface SrvAddressesOptions {
  readonly name: string;
  /** As `findRecords` does: rejects with INVALID_CONFIG where there are none. */
  readonly find: (name: string) => Promise<readonly SrvRecord[]>;
  /** Between two looks while nothing fails. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Until a first look has failed for good; a name without records fails at once. */
const openMsMax = 10_000;
/** Between two looks while something fails. */
const pauseMs = 1_000;

/**
 * The addresses that a name's SRV records say, looked at again and again. What was known counts on
 * while DNS fails or has lost the name: members that answer are worth more than its word.
 */
export class SrvAddresses implements AddressSource {
  readonly #options: SrvAddressesOptions;
  readonly #listeners = new Set<(addresses: readonly Address[]) => void>();
  #current: readonly Address[];
  #facts: string;
  #nextMs = Infinity;
  #cancel: Cancel = () => {};
  #isLooking = false;
  #isClosed = false;
  /** DNS failed last time: said once. */
  #isBlind = false;

  /** With the first records. Throws as `find` does. */
  static async open(options: SrvAddressesOptions): Promise<SrvAddresses> {
    const { clock, find, name } = options;
    const deadlineMs = clock.monotonicMs() + openMsMax;
    for (;;) {
      try {
        return new SrvAddresses(options, await find(name));
      } catch (error) {
        const isFinal = error instanceof XylemError && error.code === "INVALID_CONFIG";
        if (isFinal || clock.monotonicMs() + pauseMs >= deadlineMs) throw error;
        await new Promise<void>((resolve) => clock.schedule(pauseMs, resolve));
      }
    }
  }

  private constructor(options: SrvAddressesOptions, records: readonly SrvRecord[]) {
    this.#options = options;
    this.#current = this.#order(records);
    this.#facts = factsOf(records);
    this.#lookIn(options.intervalMs);
  }

  get current(): readonly Address[] {
    return this.#current;
  }

  onChanged(listener: (addresses: readonly Address[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  suspect(): void {
    if (!this.#isLooking) this.#lookIn(pauseMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    this.#listeners.clear();
  }

  /** Unless a look comes sooner. */
  #lookIn(delayMs: number): void {
    const dueMs = this.#options.clock.monotonicMs() + delayMs;
    if (this.#isClosed || dueMs >= this.#nextMs) return;
    this.#cancel();
    this.#nextMs = dueMs;
    this.#cancel = this.#options.clock.schedule(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { name, find, intervalMs, log } = this.#options;
    this.#isLooking = true;
    this.#nextMs = Infinity;
    try {
      const records = await find(name);
      if (this.#isClosed) return;
      if (this.#isBlind) log.info("DNS says again where the coordinator is", { name });
      this.#isBlind = false;
      this.#take(records);
    } catch (error) {
      if (!this.#isBlind && !this.#isClosed) {
        const why = error instanceof Error ? error.message : String(error);
        log.warn("DNS does not say where the coordinator is; what it said counts on", { why });
      }
      this.#isBlind = true;
    } finally {
      this.#isLooking = false;
      this.#lookIn(this.#isBlind ? Math.min(pauseMs, intervalMs) : intervalMs);
    }
  }

  #take(records: readonly SrvRecord[]): void {
    const facts = factsOf(records);
    if (facts === this.#facts) return;
    this.#facts = facts;
    this.#current = this.#order(records);
    const addresses = this.#current.map(({ host, port }) => `${host}:${port}`).join(", ");
    this.#options.log.info("the coordinator's addresses changed", { addresses });
    for (const listener of this.#listeners) listener(this.#current);
  }

  #order(records: readonly SrvRecord[]): readonly Address[] {
    const ordered = orderRecords(records, this.#options.random);
    return ordered.map(({ name: host, port }) => ({ host, port }));
  }
}

/** Equal for the same records in whatever order: name servers turn it. */
function factsOf(records: readonly SrvRecord[]): string {
  const lines = records.map(({ name, ...rest }) => {
    return `${rest.priority} ${rest.weight} ${rest.port} ${name}`;
  });
  return lines.toSorted().join("\n");
}
