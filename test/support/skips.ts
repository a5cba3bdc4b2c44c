import { describe, test } from "vitest";
import { reasonToSkip, type Tool } from "./tools.ts";

/**
 * A describe block that needs programs from outside. Where one is missing the block becomes a
 * single skipped test whose note names it; `test/expected-skips.txt` lists what may be missing.
 */
export function describeWith(tools: readonly Tool[], name: string, body: () => void): void {
  const reason = reasonToSkip(tools);
  if (reason === undefined) {
    describe(name, () => {
      body();
    });
  } else test(name, (context) => context.skip(reason));
}
