import type { BrokerProcess } from "../../test/support/broker-process.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import { appendOneByOne, appendSteadily } from "../append-load.ts";
import { takeBrokerDelayMs, withOwnDelayMs } from "../loop-delay.ts";
import { keepBusy, restlessSettings, type Upkeep } from "../maintenance.ts";
import { percentile } from "../median.ts";
import { type Bench, durabilityOf, type Figures, type Scenario } from "../scenario.ts";

interface Conditions {
  readonly name: string;
  readonly upkeep: Upkeep | undefined;
  /** Of the topics that are measured. */
  readonly segmentBytes: number;
}

interface Load {
  readonly name: string;
  readonly durability: "os" | "fsync";
  readonly run: (client: RawClient, topic: string, durationMs: number) => Promise<number[]>;
}

const steadyBytesPerSecond = 20_000_000;
const warmUpMs = 1_000;

const loads: readonly Load[] = [
  ...(["os", "fsync"] as const).map((durability): Load => ({
    name: `one in flight, ${durability}`,
    durability,
    run: (client, topic, durationMs) => appendOneByOne(client, [topic, 0], durationMs),
  })),
  {
    name: "20 MB/s, os",
    durability: "os",
    run: (client, topic, durationMs) => {
      const load = { bytesPerSecond: steadyBytesPerSecond, durationMs };
      return appendSteadily(client, [topic, 0], load);
    },
  },
];

function appendWhile(conditions: Conditions): Scenario {
  const latencies = loads.flatMap(({ name }) => [`${name}: p99 ms`, `${name}: max ms`]);
  return {
    name: `stalls of appends, ${conditions.name}`,
    needsJava: false,
    figures: [...latencies, "broker's loop delay max ms", "client's loop delay max ms"],
    isHigherBetter: false,
    isWarmedUp: false,
    repetitionsMax: 2,
    measure: (bench) => measureStalls(bench, conditions),
  };
}

const large = 1_073_741_824;
const small = 1_048_576;

export const appendIdle = appendWhile({ name: "idle", upkeep: undefined, segmentBytes: large });
export const appendRolling = appendWhile({
  name: "segments of 1 MiB roll",
  upkeep: undefined,
  segmentBytes: small,
});
export const appendRetained = appendWhile({
  name: "retention removes beside",
  upkeep: "retention",
  segmentBytes: large,
});
export const appendCompacted = appendWhile({
  name: "compaction runs beside",
  upkeep: "compaction",
  segmentBytes: large,
});

async function measureStalls(bench: Bench, conditions: Conditions): Promise<Figures> {
  const broker = await bench.startAnother({ settings: restlessSettings });
  try {
    return await measureLoads(broker, conditions, bench.isQuick ? 2_000 : 4_000);
  } finally {
    await broker.stop();
  }
}

async function measureLoads(
  broker: BrokerProcess,
  { upkeep, segmentBytes }: Conditions,
  durationMs: number,
): Promise<Figures> {
  const client = await RawClient.open(broker.port);
  for (const [at, { durability, run }] of loads.entries()) {
    const configs = {
      "segment.bytes": String(segmentBytes),
      ...durabilityOf(broker, durability),
    };
    await client.createTopic(`measured-${at}`, { configs });
    await run(client, `measured-${at}`, warmUpMs);
  }
  const wholeMs = durationMs * loads.length;
  const beside = upkeep === undefined ? undefined : keepBusy(broker, upkeep, wholeMs);
  await takeBrokerDelayMs(broker);
  const [figures, ownDelayMs] = await withOwnDelayMs(async () => {
    const entries: [string, number][] = [];
    for (const [at, { name, run }] of loads.entries()) {
      const latenciesMs = await run(client, `measured-${at}`, durationMs);
      entries.push([`${name}: p99 ms`, percentile(latenciesMs, 0.99)]);
      entries.push([`${name}: max ms`, percentile(latenciesMs, 1)]);
    }
    return Object.fromEntries(entries);
  });
  const delayMs = await takeBrokerDelayMs(broker);
  await beside;
  client.close();
  const delay = Number.isNaN(delayMs) ? {} : { "broker's loop delay max ms": delayMs };
  return { ...figures, ...delay, "client's loop delay max ms": ownDelayMs };
}
