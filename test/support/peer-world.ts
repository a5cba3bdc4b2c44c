import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../../src/base/clock.ts";
import { portableCrc32c } from "../../src/base/crc32c.ts";
import type { Random } from "../../src/base/random.ts";
import { SeededRandom } from "../../src/base/seeded-random.ts";
import { defaultNodeSettings } from "../../src/base/settings/node-settings.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type {
  PeerAddress,
  PeerDelivery,
  PeerLink,
  PeerMessage,
} from "../../src/broker/ports/peer-links.ts";
import type { PeerSocket, PeerTransport } from "../../src/broker/ports/peer-transport.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import type { VersionRange } from "../../src/peers/handshake/handshake-messages.ts";
import { PeerMesh } from "../../src/peers/peer-mesh.ts";
import type { PeerSettings } from "../../src/peers/peer-mesh-parts.ts";
import { SocketTransport } from "../../src/peers/socket-transport.ts";
import { SimulatedNetwork, type SimulatedProcess } from "../../src/simulation/simulated-network.ts";
import { KeptLog } from "./kept-log.ts";
import { waitUntil } from "./wait-until.ts";

export interface PeerNodeOptions {
  readonly settings?: Partial<PeerSettings>;
  readonly key?: Uint8Array;
  readonly clusterId?: string;
  readonly versions?: VersionRange;
  /** Called with what comes in, besides keeping it. */
  readonly onMessages?: (delivery: PeerDelivery, messages: readonly PeerMessage[]) => void;
}

/** Links of several nodes over one kind of network. */
export interface PeerWorld {
  readonly clock: Clock;
  /** A node's process; the same id again is its next life. */
  start(id: number, options?: PeerNodeOptions): Promise<PeerNode>;
  /** Lets time pass until it holds; fails after a minute. */
  until(what: string, holds: () => boolean): Promise<void>;
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Of every node that is not given another one. */
export const worldKey = new Uint8Array(32).fill(7);
const quickSettings: Partial<PeerSettings> = {
  "peer.ping.interval.ms": 50,
  "peer.silence.max.ms": 1_000,
  "peer.reconnect.backoff.ms": 5,
  "peer.reconnect.backoff.max.ms": 100,
  "peer.setup.timeout.ms": 1_000,
};

/** One process of one node: its links, and what they told. */
export class PeerNode {
  readonly id: number;
  readonly incarnation: string;
  readonly links: PeerMesh;
  readonly log: KeptLog;
  readonly opened: PeerLink[] = [];
  readonly closed: PeerLink[] = [];
  readonly messages: PeerMessage[] = [];
  /** Incarnations of nodes whose machines refused a dial. */
  readonly gone: string[] = [];
  /** Ends it as `kill -9` does. */
  readonly kill: () => void;

  constructor(parts: Pick<PeerNode, "id" | "incarnation" | "links" | "kill" | "log">) {
    const { id, incarnation, links, kill, log } = parts;
    this.id = id;
    this.incarnation = incarnation;
    this.links = links;
    this.log = log;
    this.kill = kill;
    links.onOpened((link) => this.opened.push(link));
    links.onClosed((link) => this.closed.push(link));
    links.onGone(({ id, incarnation }) => this.gone.push(`${id} ${incarnation}`));
    links.onMessages((_link, messages) => this.messages.push(...messages));
  }

  linkTo(other: PeerNode): PeerLink {
    const link = this.links.find(other.id);
    if (link === undefined) throw new Error(`node ${this.id} has no link to ${other.id}`);
    return link;
  }

  get warnings(): string[] {
    return this.log
      .withLevel("warn")
      .map(({ message, fields }) => `${message}: ${fields["reason"]}`);
  }
}

interface WorldParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly addresses: Map<number, PeerAddress>;
  readonly soon: (work: () => void) => void;
}

interface NodeNetwork {
  readonly transport: PeerTransport;
  readonly kill: () => void;
}

function makeNode(
  parts: WorldParts,
  [id, incarnation]: readonly [number, string],
  options: PeerNodeOptions,
  network: NodeNetwork,
): PeerNode {
  const { clock, random, addresses, soon } = parts;
  const log = new KeptLog();
  const links = new PeerMesh({
    identity: { id, incarnation },
    clusterId: options.clusterId ?? "the-cluster",
    key: options.key ?? worldKey,
    settings: { ...defaultNodeSettings, ...quickSettings, ...options.settings },
    addressOf: (nodeId) => addresses.get(nodeId),
    transport: network.transport,
    clock,
    random,
    log,
    crc32c: portableCrc32c,
    soon,
    ...(options.versions && { versions: options.versions }),
  });
  links.onMessages((_link, messages, delivery) => options.onMessages?.(delivery, messages));
  return new PeerNode({ id, incarnation, links, kill: network.kill, log });
}

/** Over TCP on loopback, in real time. */
export class LoopbackPeerWorld implements PeerWorld {
  readonly clock = systemClock;
  readonly #addresses = new Map<number, PeerAddress>();
  readonly #servers = new Set<Server>();
  readonly #nodes = new Set<PeerNode>();
  #lives = 0;

  async start(id: number, options: PeerNodeOptions = {}): Promise<PeerNode> {
    this.#lives += 1;
    const incarnation = `life-${this.#lives}`;
    const transport = new SocketTransport(systemClock);
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (socket) => {
      keep(sockets, socket);
      node.links.accept(transport.take(socket, new Uint8Array(0)));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#servers.add(server);
    const kill = (): void => {
      server.close();
      for (const socket of sockets) socket.destroy();
      void node.links.close();
      this.#nodes.delete(node);
    };
    const parts: WorldParts = {
      clock: systemClock,
      random: new SeededRandom(this.#lives),
      addresses: this.#addresses,
      soon: setImmediate,
    };
    const node = makeNode(parts, [id, incarnation], options, { transport, kill });
    const { port } = server.address() as { port: number };
    this.#addresses.set(id, { host: "127.0.0.1", port, incarnation });
    for (const other of this.#nodes) other.links.addressChanged(id);
    this.#nodes.add(node);
    return node;
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return waitUntil(what, holds);
  }

  pass(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes].map(({ links }) => links.close()));
    for (const server of this.#servers) server.close();
  }
}

const stepMs = 5;
const stepsMax = 20_000;

/** Over the simulated network, on virtual time. */
export class SimulatedPeerWorld implements PeerWorld {
  readonly clock = new VirtualClock();
  readonly network: SimulatedNetwork;
  readonly #random: SeededRandom;
  readonly #addresses = new Map<number, PeerAddress>();
  readonly #nodes = new Map<number, PeerNode>();
  readonly processes = new Map<number, SimulatedProcess>();
  #lives = 0;

  constructor(seed = 1) {
    this.#random = new SeededRandom(seed);
    this.network = new SimulatedNetwork(this.clock, this.#random);
  }

  start(id: number, options: PeerNodeOptions = {}): Promise<PeerNode> {
    this.#lives += 1;
    const incarnation = `life-${this.#lives}`;
    const place = { host: `node-${id}`, port: 1 };
    const accept = (socket: PeerSocket): void => node.links.accept(socket);
    const transport = this.network.join(id, place, accept);
    this.processes.set(id, transport);
    const kill = (): void => {
      transport.crash();
      void node.links.close();
      if (this.#nodes.get(id) === node) this.#nodes.delete(id);
    };
    const { clock } = this;
    const soon = (work: () => void): void => void clock.schedule(0, work);
    const parts = { clock, random: this.#random, addresses: this.#addresses, soon };
    const node = makeNode(parts, [id, incarnation], options, { transport, kill });
    this.#addresses.set(id, { ...place, incarnation });
    for (const other of this.#nodes.values()) other.links.addressChanged(id);
    this.#nodes.set(id, node);
    return Promise.resolve(node);
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    for (let step = 0; !holds(); step += 1) {
      if (step === stepsMax) throw new Error(`not within ${stepsMax * stepMs} ms: ${what}`);
      await this.clock.advance(stepMs);
    }
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  async close(): Promise<void> {
    const closing = Promise.all([...this.#nodes.values()].map(({ links }) => links.close()));
    await this.clock.advance(5_000);
    await closing;
  }
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.once("close", () => sockets.delete(socket));
}
