import type { ListedRecord } from "../record-json.ts";

/**
 * Where a consumer is: behind the node's cursor, and further in the partitions of which he took a
 * part of what came next; by `topic:partition`, the next offset.
 */
export interface CursorPlace {
  readonly cursor: string;
  readonly taken: ReadonlyMap<string, number>;
}

/** `<cursor>` or `<cursor>~<topic>:<partition>:<offset>~…`; no part has a `~` in it. */
export function formatPlace({ cursor, taken }: CursorPlace): string {
  return [cursor, ...[...taken].map(([place, offset]) => `${place}:${offset}`)].join("~");
}

export function parsePlace(text: string): CursorPlace {
  const [cursor = "", ...parts] = text.split("~");
  const taken = parts.map((part) => {
    const colon = part.lastIndexOf(":");
    return [part.slice(0, colon), Number(part.slice(colon + 1))] as const;
  });
  return { cursor, taken: new Map(taken) };
}

/** Whether the consumer had taken a record that comes again. */
export function wasTaken({ taken }: CursorPlace, record: ListedRecord): boolean {
  return taken.size > 0 && record.offset < (taken.get(partitionOf(record)) ?? 0);
}

/** Behind a record that is not the last of its delivery. */
export function placeInside(start: CursorPlace, record: ListedRecord): CursorPlace {
  const taken = new Map(start.taken).set(partitionOf(record), record.offset + 1);
  return { cursor: start.cursor, taken };
}

/** Behind a delivery, which ends with `last`; undefined: it had no records. */
export function placeBehind(
  taken: CursorPlace["taken"],
  cursor: string,
  last: ListedRecord | undefined,
): CursorPlace {
  if (last === undefined || taken.size === 0) return { cursor, taken };
  const left = new Map(taken);
  const partition = partitionOf(last);
  if ((left.get(partition) ?? 0) <= last.offset + 1) left.delete(partition);
  return { cursor, taken: left };
}

function partitionOf({ topic, partition }: ListedRecord): string {
  return `${topic}:${partition}`;
}
