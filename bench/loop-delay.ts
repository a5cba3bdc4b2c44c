import { monitorEventLoopDelay } from "node:perf_hooks";
import type { BrokerProcess } from "../test/support/broker-process.ts";

const resolutionMs = 10;
const longest = /^xylem_event_loop_delay_seconds\{quantile="1"\} (\S+)$/m;

/** The longest delay of the broker's event loop since the last call; NaN where it has none. */
export async function takeBrokerDelayMs(broker: BrokerProcess): Promise<number> {
  if (broker.product === "kafka") return Number.NaN;
  const answer = await fetch(`http://${broker.bootstrap}/metrics`);
  const found = longest.exec(await answer.text())?.[1];
  if (found === undefined) throw new Error("/metrics tells no delay of the event loop");
  return Number(found) * 1_000;
}

/** Runs `work`; answers also the longest delay of this process meanwhile, which it adds to all. */
export async function withOwnDelayMs<T>(work: () => Promise<T>): Promise<[T, number]> {
  const loop = monitorEventLoopDelay({ resolution: resolutionMs });
  loop.enable();
  const result = await work();
  loop.disable();
  return [result, Math.max(loop.max / 1e6 - resolutionMs, 0)];
}
