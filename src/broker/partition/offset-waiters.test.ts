import fc from "fast-check";
import { expect, test } from "vitest";
import { OffsetWaiters, type Waiter } from "./offset-waiters.ts";

const offset = fc.nat(9);
const commands = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("add" as const), offset }),
    fc.record({ kind: fc.constant("cancel" as const), offset: fc.nat(50) }),
    fc.record({ kind: fc.constant("advance" as const), offset }),
    fc.record({ kind: fc.constant("failAbove" as const), offset }),
  ),
  { maxLength: 60 },
);

test("each is called once when its turn comes, and who gave up is forgotten", () => {
  fc.assert(
    fc.property(commands, (steps) => {
      const waiters = new OffsetWaiters();
      const all: { waiter: Waiter; offset: number; calls: string[]; isDue: boolean }[] = [];
      const settle = (isTouched: (at: number) => boolean, outcome: string): void => {
        for (const one of all) {
          if (!one.isDue || !isTouched(one.offset)) continue;
          one.isDue = false;
          expect(one.calls).toEqual([outcome]);
        }
      };
      for (const { kind, offset: at } of steps) {
        if (kind === "add") {
          const calls: string[] = [];
          const done = (error?: Error): void => void calls.push(error?.message ?? "passed");
          all.push({ waiter: waiters.add(at, done), offset: at, calls, isDue: true });
        } else if (kind === "cancel") {
          const one = all[at % Math.max(1, all.length)];
          if (one === undefined) continue;
          waiters.cancel(one.waiter);
          one.isDue = false;
        } else if (kind === "advance") {
          waiters.advance(at);
          settle((waited) => waited <= at, "passed");
        } else {
          waiters.failAbove(at, new Error("failed"));
          settle((waited) => waited > at, "failed");
        }
        const due = all.filter(({ isDue }) => isDue);
        expect(waiters.count).toBe(due.length);
        expect(due.every(({ calls }) => calls.length === 0)).toBe(true);
        expect(all.every(({ calls }) => calls.length <= 1)).toBe(true);
      }
    }),
  );
});
