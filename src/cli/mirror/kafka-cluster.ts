import type { ApiName, ReceivedResponseOf, SentRequestOf } from "../../protocol/api-table.ts";
import type { VersionRange } from "../../protocol/schema/versions.ts";
import { type Body, type BrokerAddress, WireConnection } from "./wire-connection.ts";
import { WireFailure } from "./wire-failure.ts";

interface CallOptions extends Partial<VersionRange> {
  /** What waits at the broker has a connection of its own: it holds up what follows. */
  readonly lane?: "calls" | "fetches" | "appends";
}

export type Metadata = ReceivedResponseOf<"Metadata">;

/** The brokers of one cluster, or a single one, found from a few addresses. */
export class KafkaCluster {
  readonly #seeds: readonly BrokerAddress[];
  #nodes = new Map<number, BrokerAddress>();
  #controllerId = -1;
  readonly #connections = new Map<string, Promise<WireConnection>>();

  /** `bootstrap`: host:port, several with commas between. Throws WireFailure on what is none. */
  constructor(bootstrap: string) {
    this.#seeds = bootstrap.split(",").map((text) => parseAddress(text.trim()));
  }

  /** Whom the metadata told of last. */
  get nodeIds(): readonly number[] {
    return [...this.#nodes.keys()];
  }

  /** Brokers and topics; all topics when none are named. Nothing is created by asking. */
  async readMetadata(names?: readonly string[]): Promise<Metadata> {
    const topics = names === undefined ? null : names.map((name) => ({ name }));
    const metadata = await this.callAny("Metadata", { topics, allowAutoTopicCreation: false });
    this.#nodes = new Map(metadata.brokers.map((broker) => [broker.nodeId, broker]));
    this.#controllerId = metadata.controllerId;
    return metadata;
  }

  /** Asks one node. Rejects with WireFailure. */
  async callNode<Name extends ApiName>(
    nodeId: number,
    name: Name,
    body: Body<Name>,
    { lane = "calls", ...versions }: CallOptions = {},
  ): Promise<ReceivedResponseOf<Name>> {
    const connection = await this.#connect(`${nodeId} ${lane}`, () => this.#addressOf(nodeId));
    return await connection.call(name, body, versions);
  }

  /** Asks whoever answers first: those that metadata named, then those that were given. */
  async callAny<Name extends ApiName>(
    name: Name,
    body: SentRequestOf<Name>,
  ): Promise<ReceivedResponseOf<Name>> {
    const known = [...this.#nodes.values(), ...this.#seeds];
    let last: unknown;
    for (const address of known) {
      try {
        const connection = await this.#connect(`${address.host}:${address.port}`, () => address);
        return await connection.call(name, body);
      } catch (error) {
        if (!(error instanceof WireFailure) || error.facts.isNetwork !== true) throw error;
        last = error;
      }
    }
    throw last;
  }

  /** Asks the controller, which changes topics. */
  async callController<Name extends ApiName>(
    name: Name,
    body: SentRequestOf<Name>,
  ): Promise<ReceivedResponseOf<Name>> {
    if (!this.#nodes.has(this.#controllerId)) return await this.callAny(name, body);
    return await this.callNode(this.#controllerId, name, body);
  }

  /** Asks the coordinator of a group. */
  async callCoordinator<Name extends ApiName>(
    group: string,
    name: Name,
    body: SentRequestOf<Name>,
  ): Promise<ReceivedResponseOf<Name>> {
    const found = await this.callAny("FindCoordinator", { key: group, keyType: 0 });
    const { errorCode, errorMessage, nodeId } = found;
    if (errorCode !== 0) throw WireFailure.ofCode(errorCode, `group ${group}`, errorMessage);
    this.#nodes.set(nodeId, found);
    return await this.callNode(nodeId, name, body);
  }

  close(): void {
    for (const opening of this.#connections.values()) {
      opening.then(
        (connection) => connection.close(),
        () => undefined,
      );
    }
    this.#connections.clear();
  }

  #addressOf(nodeId: number): BrokerAddress {
    const address = this.#nodes.get(nodeId);
    if (address !== undefined) return address;
    throw new WireFailure(`node ${nodeId} is not there`, { isNetwork: true });
  }

  async #connect(key: string, find: () => BrokerAddress): Promise<WireConnection> {
    const { host, port } = find();
    const place = `${key} ${host}:${port}`;
    const known = this.#connections.get(place);
    if (known !== undefined) {
      const connection = await known.catch(() => undefined);
      if (connection?.isOpen === true) return connection;
      // Another caller opened a new one meanwhile.
      if (this.#connections.get(place) !== known) return await this.#connect(key, find);
    }
    const opening = WireConnection.open({ host, port });
    this.#connections.set(place, opening);
    return await opening;
  }
}

function parseAddress(text: string): BrokerAddress {
  const found = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text);
  const port = Number(found?.[2]);
  if (found?.[1] !== undefined && port > 0 && port < 65_536) return { host: found[1], port };
  throw new WireFailure(`"${text}" is not host:port`, { isFinal: true });
}
