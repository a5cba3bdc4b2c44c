import { batchOf, RawClient } from "../../test/support/raw-client.ts";
import { deleteTopic, makeTopic } from "../perf-tool.ts";
import { cpuSeconds } from "../process-usage.ts";
import type { Scenario } from "../scenario.ts";

const connectionCount = 64;
const inFlight = 4;

/** One record a request from many connections: the cost of a request. */
export const smallRequests: Scenario = {
  name: `produce 100 B, a record a request, ${connectionCount} connections, os`,
  needsJava: false,
  figures: ["requests/s", "broker CPU us/request"],
  isHigherBetter: true,
  isWarmedUp: true,
  async measure(bench) {
    const requests = bench.isQuick ? 20_000 : 100_000;
    const topic = await makeTopic(bench, "os");
    const opening = Array.from({ length: connectionCount }, () =>
      RawClient.open(bench.broker.port),
    );
    const clients = await Promise.all(opening);
    const batch = batchOf(["x".repeat(100)]);
    let left = requests;
    const send = async (client: RawClient): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await client.produce([topic, left % 3], batch);
      }
    };
    const cpuBefore = cpuSeconds(bench.broker.pid);
    const startedMs = performance.now();
    await Promise.all(
      clients.flatMap((client) => Array.from({ length: inFlight }, () => send(client))),
    );
    const seconds = (performance.now() - startedMs) / 1_000;
    const used = cpuSeconds(bench.broker.pid) - cpuBefore;
    for (const client of clients) client.close();
    await deleteTopic(bench, topic);
    return { "requests/s": requests / seconds, "broker CPU us/request": (used * 1e6) / requests };
  },
};
