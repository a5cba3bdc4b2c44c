import type { PartitionContext } from "./partition-context.ts";

/** Removes renamed files after `file.delete.delay.ms`, at once where the disk is full. */
export function removeLater(
  paths: readonly string[],
  delayMs: number,
  context: PartitionContext,
): void {
  const afterMs = context.room.isFull ? 0 : Math.min(delayMs, timerMsMax);
  context.schedule(afterMs, async () => {
    for (const path of paths) await context.disk.remove(path);
  });
}

/** The longest delay a timer takes. */
export const timerMsMax = 2 ** 31 - 1;
