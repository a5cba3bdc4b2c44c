/** How far a mirror is. Sizes are of record batches as they are stored. */
export interface MirrorCounts {
  topics: number;
  partitions: number;
  groups: number;
  /** Since this run began. */
  records: number;
  bytes: number;
  /** Offsets that the source has committed and the target has not. */
  lag: number;
  /** Group offsets that wait for their records. */
  offsetsHeldBack: number;
  /** Offsets that were deleted at the source before they were copied. */
  offsetsLost: number;
}

interface Stall {
  readonly message: string;
  readonly isPassing?: boolean;
}

/** More lines than this at once say no more than fewer. */
const stallsToldMax = 100;

/** What a mirror tells: figures, and what does not go on and why. */
export class MirrorReport {
  readonly counts: MirrorCounts = {
    topics: 0,
    partitions: 0,
    groups: 0,
    records: 0,
    bytes: 0,
    lag: 0,
    offsetsHeldBack: 0,
    offsetsLost: 0,
  };
  readonly #say: (line: string) => void;
  readonly #stalls = new Map<string, string>();
  readonly #told = new Map<string, string>();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** What does not go on, and why. */
  get stalls(): ReadonlyMap<string, string> {
    return this.#stalls;
  }

  say(line: string): void {
    this.#say(line);
  }

  /** Told once, until it goes on; what passes as a rule is told when it happens again. */
  stall(what: string, { message: why, isPassing }: Stall): void {
    const isFirst = !this.#stalls.has(what);
    this.#stalls.set(what, why);
    if ((isFirst && isPassing === true) || this.#told.get(what) === why) return;
    if (this.#told.size >= stallsToldMax) return;
    this.#told.set(what, why);
    this.#say(`${what}: ${why}`);
  }

  settle(what: string): void {
    this.#stalls.delete(what);
    if (this.#told.delete(what)) this.#say(`${what}: goes on`);
  }

  /** It is no matter any more. */
  forget(what: string): void {
    this.#stalls.delete(what);
    this.#told.delete(what);
  }

  describe(): string {
    const { counts } = this;
    const parts = [
      `${counts.partitions} partitions of ${counts.topics} topics, ${counts.groups} groups`,
      `${counts.records} records, ${(counts.bytes / 1e6).toFixed(1)} MB copied`,
      `${counts.lag} behind`,
    ];
    if (this.#stalls.size > 0) parts.push(`${this.#stalls.size} stalled`);
    return parts.join("; ");
  }

  /** For Prometheus, in its text format. */
  metrics(): string {
    const { counts } = this;
    const lines = [
      ["xylem_mirror_topics", "gauge", counts.topics],
      ["xylem_mirror_partitions", "gauge", counts.partitions],
      ["xylem_mirror_groups", "gauge", counts.groups],
      ["xylem_mirror_records_total", "counter", counts.records],
      ["xylem_mirror_bytes_total", "counter", counts.bytes],
      ["xylem_mirror_lag_offsets", "gauge", counts.lag],
      ["xylem_mirror_group_offsets_held_back", "gauge", counts.offsetsHeldBack],
      ["xylem_mirror_offsets_lost_total", "counter", counts.offsetsLost],
      ["xylem_mirror_stalls", "gauge", this.#stalls.size],
    ] as const;
    return lines
      .map(([name, type, value]) => `# TYPE ${name} ${type}\n${name} ${value}\n`)
      .join("");
  }
}
