import { Child } from "../../support/child-process.ts";
import type { SeenRecord } from "../checks/same-reading.ts";
import { librdkafkaSettings } from "./client-settings.ts";
import type { Gate } from "./gate.ts";
import { KeptProcess } from "./kept-process.ts";
import type { OrderedReader } from "./lane.ts";

/** kcat without a group, from the beginning on; one that gave up is followed where it stopped. */
export class KcatReader implements OrderedReader {
  readonly client = "kcat";
  readonly topic: string;
  readonly partition: number;
  readonly seen: SeenRecord[] = [];
  readonly #bootstrap: string;
  readonly #process = new KeptProcess(() => this.#start());

  constructor(options: { bootstrap: string; topic: string; partition: number }) {
    this.#bootstrap = options.bootstrap;
    this.topic = options.topic;
    this.partition = options.partition;
  }

  get nextOffset(): number {
    return this.seen.length === 0 ? 0 : (this.seen.at(-1)?.offset ?? 0) + 1;
  }

  get restartCount(): number {
    return this.#process.restartCount;
  }

  run(gate: Gate): Promise<void> {
    return this.#process.run(gate);
  }

  /** It does not choose another place by itself when it is told that its own is not there. */
  #start(): Child {
    const place = ["-C", "-b", this.#bootstrap, "-t", this.topic, "-p", String(this.partition)];
    const settings = [...librdkafkaSettings, "topic.auto.offset.reset=error"];
    const output = ["-E", "-q", "-u", "-f", "%o\\t%s\\n", "-o", String(this.nextOffset)];
    const options = settings.flatMap((one) => ["-X", one]);
    const child = new Child("kcat", [...place, ...options, ...output]);
    child.eachLine("stdout", (line) => {
      const [offset = "", value = ""] = line.split("\t");
      this.seen.push({ offset: Number(offset), value });
    });
    return child;
  }
}
