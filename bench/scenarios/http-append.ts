import { run } from "../../test/support/child-process.ts";
import { repositoryRoot } from "../../test/support/repository.ts";
import { deleteTopic, makeTopic } from "../perf-tool.ts";
import { cpuSeconds } from "../process-usage.ts";
import type { Bench, Figures, Scenario } from "../scenario.ts";

const connections = 64;
const autocannon = `${repositoryRoot}/node_modules/autocannon/autocannon.js`;
const record = JSON.stringify({
  order: 42,
  customer: "alice",
  total: 9.5,
  items: ["milk", "bread"],
});

/** One JSON record a request from many connections, which is what a web application does. */
function httpAppend(durability: "os" | "fsync"): Scenario {
  return {
    name: `HTTP: POST of one JSON record, ${connections} connections, ${durability}`,
    needsJava: false,
    figures: ["requests/s", "p50 ms", "p99 ms", "broker CPU us/request"],
    isHigherBetter: true,
    isWarmedUp: true,
    isOursOnly: true,
    measure: (bench) => measureAppend(bench, durability),
  };
}

export const httpAppendOs = httpAppend("os");
export const httpAppendFsync = httpAppend("fsync");

/** What autocannon tells of a run. */
interface Told {
  readonly requests: { readonly total: number };
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly duration: number;
  readonly errors: number;
  readonly non2xx: number;
}

async function measureAppend(bench: Bench, durability: "os" | "fsync"): Promise<Figures> {
  const topic = await makeTopic(bench, durability);
  const url = `http://${bench.broker.bootstrap}/v1/topics/${topic}/records`;
  const seconds = bench.isQuick ? 3 : 10;
  const load = ["-c", String(connections), "-d", String(seconds), "--json", "--no-progress"];
  const request = ["-m", "POST", "-H", "content-type=application/json", "-b", record];
  const before = cpuSeconds(bench.broker.pid);
  const { code, stdout, stderr } = await run(process.execPath, [
    autocannon,
    ...load,
    ...request,
    url,
  ]);
  const used = cpuSeconds(bench.broker.pid) - before;
  await deleteTopic(bench, topic);
  if (code !== 0) throw new Error(`autocannon: ${stderr}`);
  const { requests, latency, duration, errors, non2xx } = JSON.parse(stdout) as Told;
  if (errors + non2xx > 0) throw new Error(`${errors} errors, ${non2xx} refusals`);
  return {
    "requests/s": requests.total / duration,
    "p50 ms": latency.p50,
    "p99 ms": latency.p99,
    "broker CPU us/request": (used * 1e6) / requests.total,
  };
}
