import { setTimeout as sleep } from "node:timers/promises";
import { startJavaLoad } from "../../support/java-tools.ts";
import { javaGroup } from "./client-settings.ts";
import type { CommitWatch } from "./commit-watch.ts";
import { Delivered } from "./delivered.ts";
import type { Gate } from "./gate.ts";
import type { GroupLoad } from "./lane.ts";

const membersCount = 2;
const restMs = 100;

/** Kafka's own consumers, members of a group: each partition in order from what is assigned on. */
export class JavaGroup implements GroupLoad {
  readonly client = "Java";
  readonly delivered = new Delivered();
  readonly complaints: string[] = [];
  readonly #bootstrap: string;
  readonly #topic: string;
  readonly #watch: CommitWatch;
  /** By member and partition: what it is given next. */
  readonly #next = new Map<string, number>();
  #restartCount = 0;

  constructor(bootstrap: string, topic: string, watch: CommitWatch) {
    this.#bootstrap = bootstrap;
    this.#topic = topic;
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
    await Promise.all([this.#keepProcess(gate), this.#watch.run(gate)]);
  }

  async #keepProcess(gate: Gate): Promise<void> {
    const group = [`group.id=${this.groupId}`, `bootstrap.servers=${this.#bootstrap}`];
    while (!gate.isEnded) {
      const args = ["consume", this.#topic, String(membersCount), ...group, ...javaGroup];
      const child = await startJavaLoad(args);
      this.#next.clear();
      child.eachLine("stdout", (line) => this.#hear(line.split("\t")));
      while (!gate.isEnded && child.isRunning) await sleep(restMs);
      if (!gate.isEnded) this.#restartCount += 1;
      await child.end("SIGKILL");
    }
  }

  #hear([what, ...fields]: readonly string[]): void {
    const [member = "", partition = "", offset = ""] = fields;
    if (what === "read") this.#take(member, partition, Number(offset));
    else if (what === "assigned") this.#next.delete(`${member}/${partition}`);
    else if (what === "committed") {
      const [place = "", next = ""] = fields;
      this.#watch.noteAcknowledged(`${this.#topic}-${place}`, Number(next));
    } else if (what === "restarted") this.#restartCount += 1;
  }

  #take(member: string, partition: string, offset: number): void {
    const key = `${this.#topic}-${partition}`;
    const due = this.#next.get(`${member}/${partition}`) ?? offset;
    if (due !== offset) this.complaints.push(`Java was given ${offset} of ${key}, not ${due}`);
    this.#next.set(`${member}/${partition}`, offset + 1);
    this.delivered.note(key, offset);
  }
}
