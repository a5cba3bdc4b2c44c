import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import { formatUuid } from "../../../base/uuid.ts";
import type { ApiName, ReceivedResponseOf, SentRequestOf } from "../../../protocol/api-table.ts";
import { drawOf, drawOneIn } from "../../../simulation/draw.ts";
import type { Life } from "../machine.ts";
import { type Client, NoAnswer, SimulatedClient } from "../simulated-client.ts";
import { type Destination, destinationOf, isElsewhere } from "./destination.ts";

export interface Nodes {
  readonly ids: readonly number[];
  /** The process that listens there at the moment. */
  processOf(nodeId: number): Pick<Life, "connect"> | undefined;
}

const requestMsMax = 6_000;
const metadataMsMax = 2_000;
/** A fetch goes to any node once in so many times, as of a client that knows old metadata. */
const strayOneIn = 8;

/**
 * A client of a cluster that sees what clients see: it asks any node for metadata and coordinators,
 * keeps what it was told, and asks anew after an error that says so, or after none at all.
 */
export class RoutingClient implements Client {
  readonly #clients = new Map<number, SimulatedClient>();
  readonly #random: Random;
  readonly #nodes: Nodes;
  /** Heads, by topic id and by name. */
  readonly #heads = new Map<string, ReadonlyMap<number, number>>();
  readonly #coordinators = new Map<string, number>();
  readonly #connect: (nodeId: number) => SimulatedClient;
  readonly #nodeOf = new WeakMap<object, number>();
  #any: number;

  constructor(name: string, network: { clock: Clock; random: Random; nodes: Nodes }) {
    const { clock, random, nodes } = network;
    this.#random = random;
    this.#nodes = nodes;
    this.#any = drawOf(random, nodes.ids);
    this.#connect = (nodeId) =>
      new SimulatedClient(name, { clock, random, process: () => nodes.processOf(nodeId) });
  }

  async request<Name extends ApiName>(
    name: Name,
    version: number,
    body: SentRequestOf<Name>,
  ): Promise<ReceivedResponseOf<Name>> {
    const destination = destinationOf(name, body);
    const isStray = name === "Fetch" && drawOneIn(this.#random, strayOneIn);
    const nodeId = isStray ? this.#drawNode() : await this.#find(destination);
    try {
      const answer = await this.#client(nodeId).request(name, version, body, requestMsMax);
      this.#nodeOf.set(answer, nodeId);
      if (!isStray && isElsewhere(answer)) this.#forget(destination);
      return answer;
    } catch (error) {
      this.#forget(destination);
      throw error;
    }
  }

  nodeOf(answer: object): number | undefined {
    return this.#nodeOf.get(answer);
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  async #find(destination: Destination): Promise<number> {
    switch (destination.kind) {
      case "any":
        return this.#any;
      case "group":
        return this.#coordinators.get(destination.group) ?? (await this.#findGroup(destination));
      case "partition": {
        const { topic, index } = destination;
        if (this.#heads.get(topic)?.get(index) === undefined) await this.#askMetadata();
        return this.#heads.get(topic)?.get(index) ?? this.#any;
      }
    }
  }

  async #findGroup({ group }: Destination & { kind: "group" }): Promise<number> {
    const body = { keyType: 0, coordinatorKeys: [group] };
    const answer = await this.#askAny("FindCoordinator", 4, body);
    const found = answer.coordinators[0];
    if (found === undefined || found.errorCode !== 0) throw new NoAnswer("no coordinator");
    this.#coordinators.set(group, found.nodeId);
    return found.nodeId;
  }

  async #askMetadata(): Promise<void> {
    const body = { topics: null, allowAutoTopicCreation: false };
    const { topics } = await this.#askAny("Metadata", 12, body);
    this.#heads.clear();
    for (const { name, topicId, partitions } of topics) {
      const led = partitions.filter(({ leaderId }) => leaderId >= 0);
      const heads = new Map(led.map(({ partitionIndex, leaderId }) => [partitionIndex, leaderId]));
      this.#heads.set(formatUuid(topicId), heads);
      if (name !== null) this.#heads.set(name, heads);
    }
  }

  async #askAny<Name extends "Metadata" | "FindCoordinator">(
    name: Name,
    version: number,
    body: SentRequestOf<Name>,
  ): Promise<ReceivedResponseOf<Name>> {
    try {
      return await this.#client(this.#any).request(name, version, body, metadataMsMax);
    } catch (error) {
      this.#any = this.#drawNode();
      throw error;
    }
  }

  #forget(destination: Destination): void {
    if (destination.kind === "group") this.#coordinators.delete(destination.group);
    if (destination.kind === "partition") this.#heads.delete(destination.topic);
    this.#any = this.#drawNode();
  }

  #drawNode(): number {
    return drawOf(this.#random, this.#nodes.ids);
  }

  #client(nodeId: number): SimulatedClient {
    const client = this.#clients.get(nodeId) ?? this.#connect(nodeId);
    this.#clients.set(nodeId, client);
    return client;
  }
}
