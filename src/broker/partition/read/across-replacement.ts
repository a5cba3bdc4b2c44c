/** A segment's files gave way to others while they were looked at. */
export class SegmentReplaced extends Error {
  /** Resolves when the new segment is in the list; rejects when the partition stopped instead. */
  readonly until: Promise<void>;

  constructor(path: string, until: Promise<void>) {
    super(`${path} is being replaced`);
    this.until = until;
  }
}

/** Calls `look`, and once more each time that a segment it had found was replaced meanwhile. */
export function acrossReplacement<T>(look: () => T | Promise<T>): T | Promise<T> {
  try {
    const found = look();
    if (!(found instanceof Promise)) return found;
    return found.catch((error: unknown) => lookAgain(error, look));
  } catch (error) {
    if (error instanceof SegmentReplaced) return lookAgain(error, look);
    throw error;
  }
}

async function lookAgain<T>(error: unknown, look: () => T | Promise<T>): Promise<T> {
  if (!(error instanceof SegmentReplaced)) throw error;
  await error.until;
  return acrossReplacement(look);
}
