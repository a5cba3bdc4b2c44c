import { expect, test } from "vitest";
import { LeaderEpochs } from "../../log/leader-epochs.ts";
import { EpochCheck } from "./verify-epochs.ts";

/** What is wrong with epochs 0 at `first` and 1 at `second`, where the log has them at 7 and 12. */
function told(first: number, second: number, logStart: number): string | undefined {
  const check = new EpochCheck();
  for (const [epoch, baseOffset] of [
    [0, 7],
    [0, 9],
    [1, 12],
  ] as const) {
    check.visit(epoch, baseOffset);
  }
  const entries = [first, second].map((startOffset, epoch) => ({ epoch, startOffset }));
  return check.finish(new LeaderEpochs(entries), { logStart, isDense: true });
}

test("an epoch that began below the log start is no damage, wherever it is said to begin", () => {
  for (const first of [0, 7, 8, 9]) expect(told(first, 12, 9)).toBeUndefined();
});

test("an epoch that begins elsewhere than its first batch is damage", () => {
  expect(told(0, 12, 0)).toBe("it has epoch 0 begin at 0, the log at 7");
  expect(told(8, 12, 0)).toBe("it has epoch 0 begin at 8, the log at 7");
  expect(told(7, 11, 9)).toBe("it has epoch 1 begin at 11, the log at 12");
});
