/** A closed segment as grouping sees it. */
export interface GroupedSegment {
  readonly baseOffset: number;
  /** Base of the next segment. */
  readonly endOffset: number;
  readonly sizeBytes: number;
  readonly indexBytes: number;
  readonly timeIndexBytes: number;
}

export interface GroupBounds {
  readonly sizeBytesMax: number;
  /** Of either index. */
  readonly indexBytesMax: number;
}

/** Offsets in a segment lie at most this far above its base (records.md). */
const offsetRangeMax = 0x7fffffff;

/**
 * Neighbours that fit into one segment together (semantics.md 13): each run is rewritten as one.
 * An empty segment joins whatever the offsets, or it would stay for ever.
 */
export function groupSegments<T extends GroupedSegment>(
  segments: readonly T[],
  bounds: GroupBounds,
): T[][] {
  const groups: T[][] = [];
  let group: T[] = [];
  let room = roomOf(bounds);
  for (const segment of segments) {
    const first = group[0];
    const isEmpty = segment.sizeBytes === 0;
    const reach = first === undefined ? 0 : segment.endOffset - 1 - first.baseOffset;
    if (first !== undefined && !(fits(segment, room) && (isEmpty || reach <= offsetRangeMax))) {
      groups.push(group);
      group = [];
      room = roomOf(bounds);
    }
    group.push(segment);
    room.sizeBytes -= segment.sizeBytes;
    room.indexBytes -= segment.indexBytes;
    room.timeIndexBytes -= segment.timeIndexBytes;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

interface Room {
  sizeBytes: number;
  indexBytes: number;
  timeIndexBytes: number;
}

function roomOf({ sizeBytesMax, indexBytesMax }: GroupBounds): Room {
  return { sizeBytes: sizeBytesMax, indexBytes: indexBytesMax, timeIndexBytes: indexBytesMax };
}

function fits(segment: GroupedSegment, room: Room): boolean {
  return (
    segment.sizeBytes <= room.sizeBytes &&
    segment.indexBytes <= room.indexBytes &&
    segment.timeIndexBytes <= room.timeIndexBytes
  );
}
