import { readdirSync } from "node:fs";
import { Xylem } from "../../src/index.ts";
import { makeTemporaryFolder, removeFolder } from "../../test/support/temporary-folder.ts";
import { residentMiB } from "../process-usage.ts";
import type { Scenario } from "../scenario.ts";

const partitionsPerTopic = 20;
const topicsAtOnce = 50;
const settledAfterMs = 1_000;

/** From the start of a process on a directory of so many partitions to its ready line. */
function startWith(partitions: number, content: "records" | "nothing"): Scenario {
  return {
    name: `start with ${partitions} partitions that hold ${content}`,
    needsJava: false,
    figures: ["ms to ready", "RSS MiB", "descriptors", "ms to ready after kill -9"],
    isHigherBetter: false,
    isWarmedUp: false,
    async measure({ broker, isQuick, startAnother }) {
      if (broker.product === "kafka") return {};
      const dataFolder = makeTemporaryFolder("many-partitions");
      await fill(dataFolder, isQuick ? partitions / 10 : partitions, content);
      const started = await startAnother({ dataFolder });
      const readyMs = started.launchMs;
      await new Promise((resolve) => setTimeout(resolve, settledAfterMs));
      const descriptors = readdirSync(`/proc/${started.pid}/fd`).length;
      const figures = { "RSS MiB": residentMiB(started.pid), descriptors };
      await started.kill();
      const again = await startAnother({ dataFolder });
      const killedMs = again.launchMs;
      await again.stop();
      removeFolder(dataFolder);
      return { "ms to ready": readyMs, ...figures, "ms to ready after kill -9": killedMs };
    },
  };
}

async function fill(data: string, partitions: number, content: string): Promise<void> {
  await using broker = await Xylem.start({ data });
  const indexes = Array.from({ length: partitionsPerTopic }, (_, partition) => partition);
  const make = async (at: number): Promise<void> => {
    const configs = { durability: "os" };
    const topic = await broker.topic(`topic-${at}`, { partitions: partitionsPerTopic, configs });
    if (content === "nothing") return;
    await topic.append(indexes.map((partition) => ({ value: `${at}.${partition}`, partition })));
  };
  const topics = partitions / partitionsPerTopic;
  for (let first = 0; first < topics; first += topicsAtOnce) {
    const count = Math.min(topicsAtOnce, topics - first);
    await Promise.all(Array.from({ length: count }, (_, at) => make(first + at)));
  }
}

export const startWithRecords = startWith(10_000, "records");
export const startWithMany = startWith(100_000, "nothing");
