import { crashKinds, runCrashPoint } from "./crash-point.ts";

export interface CrashEverywhereOptions {
  readonly seed: number;
  /** Operations from one crash to the next: 1 leaves none out. */
  readonly stride: number;
  readonly eventsMax: number;
  readonly print: (line: string) => void;
}

/** One short life again and again, dying around each disk operation. Answers whether all held. */
export async function crashEverywhere(options: CrashEverywhereOptions): Promise<boolean> {
  const { seed, stride, eventsMax, print } = options;
  const unharmed = await runCrashPoint({ seed }, { operation: Infinity, kind: "kill before" });
  const { operationCount } = unharmed;
  let runCount = 0;
  let failedCount = 0;
  for (const kind of crashKinds) {
    for (let operation = 1; operation <= operationCount; operation += stride) {
      runCount += 1;
      const { complaints, lines } = await runCrashPoint({ seed, eventsMax }, { operation, kind });
      if (complaints.length === 0) continue;
      failedCount += 1;
      print(`${kind} operation ${operation} of seed ${seed} FAILED`);
      for (const { checker, text } of complaints.slice(0, 5)) print(`  ${checker}: ${text}`);
      for (const line of lines) print(`  ${line}`);
    }
  }
  print(`${operationCount} disk operations, ${runCount} crashes, ${failedCount} FAILED`);
  return failedCount === 0 && unharmed.complaints.length === 0;
}
