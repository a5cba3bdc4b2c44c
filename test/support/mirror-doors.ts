import { KafkaCluster } from "../../src/cli/mirror/kafka-cluster.ts";
import { KafkaDoor } from "./memory-broker.ts";
import { batchOf, RawClient, textOf } from "./raw-client.ts";

/** Two brokers in memory, one to copy from and one to copy to, and a client of each. */
export class MirrorDoors {
  readonly ends: { readonly source: KafkaCluster; readonly target: KafkaCluster };
  readonly sender: RawClient;
  readonly reader: RawClient;
  readonly #doors: readonly KafkaDoor[];

  private constructor(doors: readonly KafkaDoor[], sender: RawClient, reader: RawClient) {
    const [source, target] = doors.map(({ port }) => new KafkaCluster(`127.0.0.1:${port}`));
    this.ends = { source, target } as typeof this.ends;
    this.sender = sender;
    this.reader = reader;
    this.#doors = doors;
  }

  static async open(): Promise<MirrorDoors> {
    const [source, target] = [await KafkaDoor.open(), await KafkaDoor.open()];
    const [sender, reader] = [await RawClient.open(source.port), await RawClient.open(target.port)];
    return new MirrorDoors([source, target], sender, reader);
  }

  async close(): Promise<void> {
    for (const client of [this.sender, this.reader]) client.close();
    for (const cluster of Object.values(this.ends)) cluster.close();
    for (const door of this.#doors) await door.close();
  }

  /** Each value in a batch of its own. */
  async send(topic: string, values: readonly string[]): Promise<void> {
    for (const value of values) {
      const { errorCode } = await this.sender.produce([topic, 0], batchOf([value]));
      if (errorCode !== 0) throw new Error(`producing: error ${errorCode}`);
    }
  }

  /** Empty also while the topic is not there. */
  async valuesAtTarget(topic: string): Promise<string[]> {
    const found = await this.reader.readAll([topic, 0]).catch(() => []);
    return found.map(({ value }) => textOf(value));
  }
}
