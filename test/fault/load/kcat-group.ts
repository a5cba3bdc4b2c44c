import { Child } from "../../support/child-process.ts";
import { librdkafkaGroup, librdkafkaSettings } from "./client-settings.ts";
import type { CommitWatch } from "./commit-watch.ts";
import { Delivered } from "./delivered.ts";
import type { Gate } from "./gate.ts";
import { KeptProcess } from "./kept-process.ts";
import type { GroupLoad } from "./lane.ts";

const membersCount = 2;

/** kcat's members of a group, which commit by themselves. */
export class KcatGroup implements GroupLoad {
  readonly client = "kcat";
  readonly watch: CommitWatch;
  readonly delivered = new Delivered();
  readonly complaints: readonly string[] = [];
  readonly #bootstrap: string;
  readonly #members = Array.from(
    { length: membersCount },
    () => new KeptProcess(() => this.#start()),
  );

  constructor(bootstrap: string, watch: CommitWatch) {
    this.#bootstrap = bootstrap;
    this.watch = watch;
  }

  get restartCount(): number {
    return this.#members.reduce((sum, { restartCount }) => sum + restartCount, 0);
  }

  async run(gate: Gate): Promise<void> {
    await Promise.all([...this.#members, this.watch].map((one) => one.run(gate)));
  }

  #start(): Child {
    const { groupId, topics } = this.watch;
    const settings = [...librdkafkaSettings, ...librdkafkaGroup].flatMap((one) => ["-X", one]);
    const output = ["-E", "-q", "-u", "-f", "%t-%p\\t%o\\n"];
    const place = ["-b", this.#bootstrap, ...settings, ...output];
    const child = new Child("kcat", [...place, "-G", groupId, ...topics]);
    child.eachLine("stdout", (line) => {
      const [key = "", offset] = line.split("\t");
      this.delivered.note(key, Number(offset));
    });
    return child;
  }
}
