import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "../../support/child-process.ts";
import { librdkafkaGroup, librdkafkaSettings } from "./client-settings.ts";
import type { CommitWatch } from "./commit-watch.ts";
import { Delivered } from "./delivered.ts";
import type { Gate } from "./gate.ts";
import type { GroupLoad } from "./lane.ts";

const membersCount = 2;
const restMs = 100;

/** kcat's members of a group, which commit by themselves. */
export class KcatGroup implements GroupLoad {
  readonly client = "kcat";
  readonly delivered = new Delivered();
  readonly complaints: readonly string[] = [];
  readonly #bootstrap: string;
  readonly #watch: CommitWatch;
  #restartCount = 0;

  constructor(bootstrap: string, watch: CommitWatch) {
    this.#bootstrap = bootstrap;
    this.#watch = watch;
  }

  get groupId(): string {
    return this.#watch.groupId;
  }

  get topics(): readonly string[] {
    return this.#watch.topics;
  }

  get commits() {
    return this.#watch.commits;
  }

  get restartCount(): number {
    return this.#restartCount;
  }

  async run(gate: Gate): Promise<void> {
    const members = Array.from({ length: membersCount }, () => this.#keepMember(gate));
    await Promise.all([...members, this.#watch.run(gate)]);
  }

  async #keepMember(gate: Gate): Promise<void> {
    while (!gate.isEnded) {
      const child = this.#start();
      while (!gate.isEnded && child.isRunning) await sleep(restMs);
      if (!gate.isEnded) this.#restartCount += 1;
      await child.end("SIGKILL");
    }
  }

  #start(): Child {
    const settings = [...librdkafkaSettings, ...librdkafkaGroup].flatMap((one) => ["-X", one]);
    const output = ["-E", "-q", "-u", "-f", "%t-%p\\t%o\\n"];
    const place = ["-b", this.#bootstrap, ...settings, ...output];
    const child = new Child("kcat", [...place, "-G", this.groupId, ...this.topics]);
    child.eachLine("stdout", (line) => {
      const [key = "", offset] = line.split("\t");
      this.delivered.note(key, Number(offset));
    });
    return child;
  }
}
