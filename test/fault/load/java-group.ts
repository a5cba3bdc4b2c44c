import type { Child } from "../../support/child-process.ts";
import { startJavaLoad } from "../../support/java-tools.ts";
import { javaGroup } from "./client-settings.ts";
import type { CommitWatch } from "./commit-watch.ts";
import { Delivered } from "./delivered.ts";
import type { Gate } from "./gate.ts";
import { KeptProcess } from "./kept-process.ts";
import type { GroupLoad } from "./lane.ts";

const membersCount = 2;

/** Kafka's own consumers, members of a group: each partition in order from what is assigned on. */
export class JavaGroup implements GroupLoad {
  readonly client = "Java";
  readonly watch: CommitWatch;
  readonly delivered = new Delivered();
  readonly complaints: string[] = [];
  readonly #bootstrap: string;
  readonly #topic: string;
  /** By member and partition: what it is given next. */
  readonly #next = new Map<string, number>();
  readonly #process = new KeptProcess(() => this.#start());
  #memberRestartCount = 0;

  constructor(bootstrap: string, topic: string, watch: CommitWatch) {
    this.#bootstrap = bootstrap;
    this.#topic = topic;
    this.watch = watch;
  }

  get restartCount(): number {
    return this.#process.restartCount + this.#memberRestartCount;
  }

  async run(gate: Gate): Promise<void> {
    await Promise.all([this.#process.run(gate), this.watch.run(gate)]);
  }

  async #start(): Promise<Child> {
    const group = [`group.id=${this.watch.groupId}`, `bootstrap.servers=${this.#bootstrap}`];
    const args = ["consume", this.#topic, String(membersCount), ...group, ...javaGroup];
    const child = await startJavaLoad(args);
    this.#next.clear();
    child.eachLine("stdout", (line) => this.#hear(line.split("\t")));
    return child;
  }

  #hear([what, ...fields]: readonly string[]): void {
    const [member = "", partition = "", offset = ""] = fields;
    if (what === "read") this.#take(member, partition, Number(offset));
    else if (what === "assigned") this.#next.delete(`${member}/${partition}`);
    else if (what === "committed") {
      const [place = "", next = ""] = fields;
      this.watch.noteAcknowledged(`${this.#topic}-${place}`, Number(next));
    } else if (what === "restarted") this.#memberRestartCount += 1;
  }

  #take(member: string, partition: string, offset: number): void {
    const key = `${this.#topic}-${partition}`;
    const due = this.#next.get(`${member}/${partition}`) ?? offset;
    if (due !== offset) this.complaints.push(`Java was given ${offset} of ${key}, not ${due}`);
    this.#next.set(`${member}/${partition}`, offset + 1);
    this.delivered.note(key, offset);
  }
}
