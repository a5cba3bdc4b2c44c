import { batchOf, RawClient } from "../../test/support/raw-client.ts";
import { percentile } from "../median.ts";
import { deleteTopic, makeTopic } from "../perf-tool.ts";
import type { Bench, Figures, Scenario } from "../scenario.ts";

/** One request at a time from one connection: what a careful writer waits for. */
function oneInFlight(durability: "os" | "fsync"): Scenario {
  return {
    name: `produce 100 B, one request in flight, ${durability}`,
    needsJava: false,
    figures: ["p50 ms", "p99 ms"],
    isHigherBetter: false,
    isWarmedUp: true,
    measure: (bench) => measureLatency(bench, durability),
  };
}

export const oneInFlightFsync = oneInFlight("fsync");
export const oneInFlightOs = oneInFlight("os");

async function measureLatency(bench: Bench, durability: "os" | "fsync"): Promise<Figures> {
  const topic = await makeTopic(bench, durability);
  const client = await RawClient.open(bench.broker.port);
  const requests = bench.isQuick ? 500 : 3_000;
  const batch = batchOf(["x".repeat(100)]);
  const latenciesMs: number[] = [];
  for (let request = 0; request < requests; request += 1) {
    const startedMs = performance.now();
    const { errorCode } = await client.produce([topic, 0], batch.slice());
    if (errorCode !== 0) throw new Error(`${topic}: ${errorCode}`);
    latenciesMs.push(performance.now() - startedMs);
  }
  client.close();
  await deleteTopic(bench, topic);
  return { "p50 ms": percentile(latenciesMs, 0.5), "p99 ms": percentile(latenciesMs, 0.99) };
}
