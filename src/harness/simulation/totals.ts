import type { SeedReport } from "./run-seed.ts";

/** A seed counts as a run of its kind from here on (testing.md). */
const requestsMin = 300;
const faultsMin = 8;
const virtualMsMin = 60_000;

export interface TotalsJson {
  /** Seeds, full ones, client operations, virtual milliseconds. */
  readonly counts: readonly [number, number, number, number];
  readonly failedSeeds: readonly number[];
  readonly faults: readonly (readonly [string, number])[];
  readonly checked: readonly (readonly [string, number])[];
}

/** What many runs came to. */
export class Totals {
  readonly failedSeeds: number[] = [];
  readonly #faults = new Map<string, number>();
  readonly #checked = new Map<string, number>();
  #seedCount = 0;
  #fullCount = 0;
  #requestCount = 0;
  #virtualMs = 0;

  add(report: SeedReport): void {
    this.#seedCount += 1;
    if (isFull(report)) this.#fullCount += 1;
    if (report.complaints.length > 0) this.failedSeeds.push(report.seed);
    this.#requestCount += report.requestCount;
    this.#virtualMs += report.virtualMs;
    addTo(this.#faults, report.faults);
    addTo(this.#checked, report.checked);
  }

  /** As a worker process sends it. */
  toJson(): TotalsJson {
    const counts = [this.#seedCount, this.#fullCount, this.#requestCount, this.#virtualMs] as const;
    const { failedSeeds } = this;
    return { counts, failedSeeds, faults: [...this.#faults], checked: [...this.#checked] };
  }

  merge({ counts, failedSeeds, faults, checked }: TotalsJson): void {
    const [seedCount, fullCount, requestCount, virtualMs] = counts;
    this.#seedCount += seedCount;
    this.#fullCount += fullCount;
    this.#requestCount += requestCount;
    this.#virtualMs += virtualMs;
    this.failedSeeds.push(...failedSeeds);
    addTo(this.#faults, new Map(faults));
    addTo(this.#checked, new Map(checked));
  }

  lines(seconds: number): string[] {
    const hours = (this.#virtualMs / 3_600_000).toFixed(1);
    const each = ((seconds * 1_000) / Math.max(1, this.#seedCount)).toFixed(0);
    return [
      `${this.#seedCount} seeds, ${this.#fullCount} of them full, in ${seconds.toFixed(1)} s ` +
        `(${each} ms each): ${this.#requestCount} client operations, ${hours} virtual hours`,
      `faults: ${show(this.#faults)}`,
      `checked: ${show(this.#checked)}`,
      this.failedSeeds.length === 0
        ? "every checker was content"
        : `FAILED: ${this.failedSeeds.length} seeds: ${this.failedSeeds.slice(0, 50).join(" ")}`,
    ];
  }
}

/** Whether a run had enough of everything to count. */
export function isFull({ requestCount, faults, virtualMs }: SeedReport): boolean {
  const faultCount = [...faults.values()].reduce((total, count) => total + count, 0);
  return requestCount >= requestsMin && faultCount >= faultsMin && virtualMs >= virtualMsMin;
}

function addTo(totals: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [name, count] of counts) totals.set(name, (totals.get(name) ?? 0) + count);
}

function show(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
}
