import { CommandFailure } from "../exit-codes.ts";
import type { ShownRecord } from "../record-format.ts";
import type { ReadingOptions } from "./record-reader.ts";

/** A door that gives the records of one partition page by page. */
export interface PageSource {
  /** The partitions of the topic, with the offsets that can be read: [start, end). */
  describe(): Promise<readonly PartitionSpan[]>;
  /**
   * Waits up to `waitMs` for a first record. A position that is not in the log, because retention
   * was faster, is its beginning.
   */
  readPage(page: PageWish, signal: AbortSignal): Promise<RecordPage>;
}

export interface PartitionSpan {
  readonly partition: number;
  readonly start: number;
  readonly end: number;
}

export interface PageWish {
  readonly partition: number;
  /** As `--from` takes it; an offset from the second page on. */
  readonly position: string;
  readonly waitMs: number;
}

export interface RecordPage {
  readonly records: readonly ShownRecord[];
  readonly nextOffset: number;
}

const waitMs = 20_000;

/** The records of a topic: one page of each partition is on its way or being handed out. */
export async function* readPages(
  source: PageSource,
  options: ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  const { topic, partition: only, from, isLive } = options;
  const partitions = (await source.describe()).filter(
    ({ partition }) => only === undefined || partition === only,
  );
  if (partitions.length === 0) throw new CommandFailure(`${topic} has no partition ${only ?? 0}`);
  const underWay = new Map<number, Promise<Arrived>>();
  const ask = (at: PartitionSpan, position: string): void => {
    const wish = { partition: at.partition, position, waitMs: isLive ? waitMs : 0 };
    const page = source.readPage(wish, signal).then((read) => ({ at, position, ...read }));
    underWay.set(at.partition, page);
  };
  for (const at of partitions) ask(at, clampedTo(at, from));
  try {
    while (underWay.size > 0 && !signal.aborted) {
      const { at, position, records, nextOffset } = await Promise.race(underWay.values());
      underWay.delete(at.partition);
      for (const record of records) if (isLive || record.offset < at.end) yield record;
      const isAtEnd = nextOffset >= at.end || String(nextOffset) === position;
      if (isLive || !isAtEnd) ask(at, String(nextOffset));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    for (const page of underWay.values()) page.catch(() => undefined);
  }
}

/** An offset outside the log moves to its nearer edge. */
function clampedTo({ start, end }: PartitionSpan, position: string): string {
  if (!/^\d+$/.test(position)) return position;
  return String(Math.min(Math.max(Number(position), start), end));
}

interface Arrived extends RecordPage {
  readonly at: PartitionSpan;
  readonly position: string;
}
