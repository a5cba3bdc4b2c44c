import type { PartitionKey, RecordSeen } from "./history.ts";
import type { Client } from "./simulated-client.ts";
import { keyOf, type Target, type World } from "./world.ts";
import { fetchFrom, listOffset } from "./clients/read-partition.ts";
import { expectNoAnswer } from "./clients/producer.ts";

/** After the faults each question is answered within so many tries. */
const triesMax = 40;
const tryAgainMs = 500;
const answers = new Set(["NONE", "CORRUPT_MESSAGE", "OFFSET_OUT_OF_RANGE"]);

/**
 * Reads all of every partition that should be there, by the door, and notes what was found. What
 * nobody can serve any more, and rightly so, is left out.
 */
export async function readFinal(
  world: World,
  isGone: (partition: PartitionKey) => boolean = () => false,
): Promise<void> {
  const client = world.client("final");
  for (const topic of world.liveTopics()) {
    for (let index = 0; index < topic.partitions; index += 1) {
      if (!isGone(keyOf({ topic, index }))) await readWhole(world, client, { topic, index });
    }
  }
  client.close();
}

async function readWhole(world: World, client: Client, target: Target): Promise<void> {
  const askedAt = world.history.length;
  const records: RecordSeen[] = [];
  const unreadable: number[] = [];
  let logStart = await insist(world, target, () => listOffset(world, client, target, -2));
  const committed = await insist(world, target, () => listOffset(world, client, target, -1));
  if (logStart === undefined || committed === undefined) return;
  for (let from = logStart; from < committed;) {
    const outcome = await insist(world, target, async () => {
      const answer = await fetchFrom(world, client, "final", { target, from, waitMs: 0 });
      return answers.has(answer.error) ? answer : undefined;
    });
    if (outcome === undefined) return;
    if (outcome.error === "OFFSET_OUT_OF_RANGE") {
      // Retention goes on meanwhile: what it took need not be read any more.
      const readFrom = from;
      const start = await insist(world, target, async () => {
        const found = await listOffset(world, client, target, -2);
        return found !== undefined && found > readFrom ? found : undefined;
      });
      if (start === undefined) return;
      logStart = start;
      from = start;
      continue;
    }
    if (outcome.error === "CORRUPT_MESSAGE") {
      unreadable.push(from);
      from += 1;
      continue;
    }
    records.push(...outcome.records);
    // A gap at the end of what can be read: nothing is left below the committed offset.
    if (outcome.next === from) break;
    from = outcome.next;
  }
  const end = { logStart, committed, records, unreadable };
  world.record({ kind: "final", partition: keyOf(target), end, askedAt });
}

async function insist<Answer>(
  world: World,
  target: Target,
  ask: () => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      expectNoAnswer(error);
    }
    await world.sleep(tryAgainMs);
  }
  const what = `${target.topic.name}-${target.index} can not be read after all faults ended`;
  world.record({ kind: "stuck", what });
  return undefined;
}
