/** A broken invariant: a defect of ours, never a client's fault. Nobody catches it to go on. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Stops the caller when `condition` does not hold. Stays on in production. */
export function assert(condition: unknown, text: string): asserts condition {
  if (!condition) throw new AssertionError(text);
}
