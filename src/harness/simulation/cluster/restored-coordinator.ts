import { formatUuid } from "../../../base/uuid.ts";
import { parseTopicEntry, topicKey } from "../../../broker/topics/topic-entry.ts";
import { drawBetween } from "../../../simulation/draw.ts";
import type { KnownTopic } from "../world.ts";
import type { ClusterScene } from "./cluster-scene.ts";

const fault = "coordinator restored";
const backupAfterMsMin = 5_000;
const backupAfterMsMax = 35_000;
const ageMsMin = 300;
const ageMsMax = 12_000;
/** Answers to what was done before may be on their way so long. */
const answersMsMax = 12_000;
const lookMs = 200;
/** All are down for so long at most, or nothing is restored. */
const standingMsMax = 10_000;

type Scene = Pick<ClusterScene, "world" | "store" | "play" | "nodes">;

/**
 * Once in a run the coordinator is as it was a while ago: its backup is brought back, while a node
 * runs that knows better.
 */
export class RestoredCoordinator {
  readonly #scene: Scene;
  readonly #counts: Map<string, number>;

  constructor(scene: Scene, counts: Map<string, number>) {
    this.#scene = scene;
    this.#counts = counts;
  }

  async run(): Promise<void> {
    const { world, store, play } = this.#scene;
    if (!play.restoresCoordinator) return;
    const random = world.fork("restored coordinator");
    await world.sleep(drawBetween(random, backupAfterMsMin, backupAfterMsMax));
    const backup = store.backUp();
    const ageMs = drawBetween(random, ageMsMin, ageMsMax);
    await world.sleep(ageMs);
    for (let leftMs = standingMsMax; !this.#isAnyStanding; leftMs -= lookMs) {
      if (leftMs <= 0) return;
      await world.sleep(lookMs);
    }
    world.record({ kind: "fault", fault });
    world.record({ kind: "restored" });
    world.tell("nemesis", `${fault}: as it was ${ageMs} ms ago`);
    this.#counts.set(fault, 1);
    store.restore(backup);
    for (let leftMs = answersMsMax; leftMs > 0; leftMs -= lookMs) {
      this.#forgetTopics();
      await world.sleep(lookMs);
    }
  }

  get #isAnyStanding(): boolean {
    return this.#scene.nodes.some(({ process }) => {
      return process?.isServing === true && process.broker?.cluster?.isStanding === true;
    });
  }

  /** Topics that are younger than the backup are nobody's. */
  #forgetTopics(): void {
    const { world } = this.#scene;
    for (const topic of world.liveTopics()) {
      if (this.#isKnown(topic)) continue;
      topic.isGoing = true;
      world.record({ kind: "topicDeleted", topicId: topic.key, isSure: false });
      world.tell("nemesis", `${topic.name} is not in the backup`);
    }
  }

  #isKnown({ name, key }: KnownTopic): boolean {
    const entry = this.#scene.store.find(topicKey(name));
    return entry !== undefined && formatUuid(parseTopicEntry(name, entry.value).id) === key;
  }
}
