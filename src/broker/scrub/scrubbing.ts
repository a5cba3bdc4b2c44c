import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import { Pacer } from "../partition/compaction/pacer.ts";
import type { PartitionSource } from "../partition/lazy/partition-source.ts";
import type { Partition } from "../partition/partition.ts";
import { formatPartitionName } from "../partition/partition-name.ts";
import { scrubPartition, type ScrubWatch } from "../partition/scrub/scrub-partition.ts";
import type { Cancellation } from "../ports/compactor.ts";
import type { Topic } from "../topics/live-topic.ts";
import type { Topics } from "../topics/topics.ts";
import { Turns } from "../turns.ts";
import type { Finding, VerifyTotals } from "./finding.ts";

export interface ScrubReport {
  /** The first `findingsMax`; the totals count all. */
  readonly findings: readonly Finding[];
  readonly totals: VerifyTotals;
}

export interface ScrubRun {
  readonly cancellation: Cancellation;
  /** Told after each partition. */
  readonly progress: (totals: VerifyTotals) => void;
  /** In place of `log.scrub.io.max.bytes.per.second`. */
  readonly bytesPerSecondMax?: number;
}

interface ScrubbingParts {
  readonly topics: Topics;
  readonly partitions: PartitionSource;
  readonly settings: NodeSettings;
  readonly clock: Clock;
}

const findingsMax = 10_000;

/** Reads all that is stored while it is in use, so that rot is told before somebody needs it. */
export class Scrubbing {
  readonly #parts: ScrubbingParts;
  /** One at a time: they share the pace. */
  readonly #turns = new Turns();

  constructor(parts: ScrubbingParts) {
    this.#parts = parts;
  }

  /** A topic, or all. Throws UNKNOWN_TOPIC_OR_PARTITION, REQUEST_TIMED_OUT once cancelled. */
  run(name: string | undefined, run: ScrubRun): Promise<ScrubReport> {
    return this.#turns.take("scrub", async () => {
      try {
        return await this.#run(this.#find(name), run);
      } catch (error) {
        if (!run.cancellation.isWished) throw error;
        throw new XylemError("REQUEST_TIMED_OUT", "the scrub was given up", { cause: error });
      }
    });
  }

  #find(name: string | undefined): readonly Topic[] {
    const { topics } = this.#parts;
    if (name === undefined) return topics.list();
    const topic = topics.find(name);
    if (topic !== undefined) return [topic];
    throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${name}`);
  }

  async #run(topics: readonly Topic[], run: ScrubRun): Promise<ScrubReport> {
    const { settings, clock } = this.#parts;
    const rate = run.bytesPerSecondMax ?? settings["log.scrub.io.max.bytes.per.second"];
    const pacer = new Pacer(clock, rate, run.cancellation);
    const totals = { partitions: 0, segments: 0, batches: 0, records: 0, bytes: 0, damaged: 0 };
    const findings: Finding[] = [];
    const report = (finding: Finding): void => {
      totals.damaged += 1;
      if (findings.length < findingsMax) findings.push(finding);
    };
    for (const { name, partitions } of topics) {
      for (const { index } of partitions) {
        await pacer.pass(0);
        await this.#scrub({ name, index, totals }, { pacer, report });
        run.progress(totals);
      }
    }
    return { findings, totals };
  }

  async #scrub(
    { name, index, totals }: { name: string; index: number; totals: VerifyTotals },
    watch: ScrubWatch,
  ): Promise<void> {
    const { partitions } = this.#parts;
    const scrub = (open: Partition) => scrubPartition(open, watch);
    const counts = await partitions.use(name, index, scrub).catch((error: unknown) => {
      if (!(error instanceof XylemError)) throw error;
      const at = { topic: name, partition: index, file: formatPartitionName(name, index) };
      watch.report({ kind: "damage", ...at, why: `it can not be read: ${error.message}` });
      return undefined;
    });
    if (counts === undefined) return;
    totals.partitions += 1;
    totals.segments += counts.segments;
    totals.batches += counts.batches;
    totals.records += counts.records;
    totals.bytes += counts.bytes;
  }
}
