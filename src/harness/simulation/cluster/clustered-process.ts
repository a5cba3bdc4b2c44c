import type { Clock } from "../../../base/clock.ts";
import type { Log } from "../../../base/log.ts";
import type { Random } from "../../../base/random.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { Broker } from "../../../broker/broker.ts";
import { ShortTurns } from "../../../broker/cluster/replicas/short-turns.ts";
import type { PeerSocket } from "../../../broker/ports/peer-transport.ts";
import { openBroker } from "../../../node/open-broker.ts";
import { StartSteps } from "../../../node/start-steps.ts";
import type { BatchTools } from "../../../protocol/build-batch.ts";
import { KafkaServer } from "../../../servers/kafka/kafka-server.ts";
import type { CoordinatorFaults } from "../../../simulation/coordinator-network.ts";
import { drawBetween } from "../../../simulation/draw.ts";
import { SimulatedCoordinator } from "../../../simulation/simulated-coordinator.ts";
import type { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { SimulatedNetwork, SimulatedProcess } from "../../../simulation/simulated-network.ts";
import type { SimulatedStore } from "../../../simulation/simulated-store.ts";
import { logOfLife } from "../log-of-life.ts";
import type { ClientEnd, Life } from "../machine.ts";
import { ProcessClock } from "../process-clock.ts";
import type { ProcessGate } from "../process-gate.ts";
import { simulateSocket, type SocketEnd } from "../simulated-socket.ts";
import { GatedTransport, gatedSocket } from "./gated-transport.ts";

export interface ClusteredProcessParts {
  readonly nodeId: number;
  readonly disk: SimulatedDisk;
  readonly tools: BatchTools;
  /** The machine's, which may drift. */
  readonly clock: Clock;
  readonly skewMs: () => number;
  readonly gate: ProcessGate;
  readonly random: Random;
  readonly log: Log;
  readonly settings: NodeSettings;
  readonly bootId: string;
  readonly network: SimulatedNetwork;
  readonly store: SimulatedStore;
  readonly faults: CoordinatorFaults;
}

/** What all nodes prove to each other that they know. */
const key = new Uint8Array(32).fill(7);
const nothing = new Uint8Array(0);

/** As of a node with a thousand times the chains: most wait some time for their turn. */
function slowTurns(clock: Clock, random: Random): ShortTurns {
  const pauseMs = drawBetween(random, 1, 40);
  return new ShortTurns((work) => void clock.schedule(pauseMs, work), drawBetween(random, 1, 4));
}

/** One life of a node of a cluster: composed as in production, its ports simulated. */
export class ClusteredProcess implements Life {
  readonly #parts: ClusteredProcessParts;
  readonly #clock: ProcessClock;
  readonly #log: Log;
  readonly #steps: StartSteps;
  readonly #ends = new Set<ClientEnd>();
  readonly coordinator: SimulatedCoordinator;
  #transport: SimulatedProcess | undefined;
  #kafka: KafkaServer | undefined;
  #broker: Broker | undefined;
  #isDead = false;
  #isStopping = false;

  constructor(parts: ClusteredProcessParts) {
    const { store, random, faults } = parts;
    this.#parts = parts;
    this.#clock = new ProcessClock(parts.clock, parts.skewMs, parts.gate);
    this.#log = logOfLife(parts.log, () => this.#isDead);
    this.#steps = new StartSteps(this.#log);
    this.coordinator = new SimulatedCoordinator({ store, clock: this.#clock, random, faults });
  }

  async start(): Promise<void> {
    const { disk, tools, random, settings, nodeId, network, gate, bootId } = this.#parts;
    const { coordinator } = this;
    const address = { host: `node${nodeId}.test`, port: 9_092 };
    let accept = (socket: PeerSocket): void => socket.destroy();
    const joined = network.join(nodeId, address, (socket) => {
      const gated = gatedSocket(socket, gate);
      gate.enter(() => accept(gated));
    });
    this.#transport = joined;
    const transport = new GatedTransport(joined, gate);
    const shortTurns = slowTurns(this.#clock, random);
    const own = { clock: this.#clock, log: this.#log, coordinator, bootId, shortTurns };
    const onStopRequested = (): void => own.log.error("the node asked to be stopped unexpectedly");
    const opened = await openBroker(this.#steps, {
      settings,
      given: new Map<string, string>(),
      disk,
      tools,
      random,
      ...own,
      network: { transport, key },
      onStopRequested,
    });
    this.#broker = opened.broker;
    accept = (socket) => opened.peers?.links.accept(socket);
    await opened.loadGroups();
    await this.#steps.run(
      "open the door",
      () => (this.#kafka = new KafkaServer(opened.broker)),
      (kafka) => {
        // A start that fails behind this shuts them too.
        this.#isStopping = true;
        return kafka.close(settings["shutdown.grace.ms"]);
      },
    );
    await this.#steps.run(
      "tell the cluster where this node is",
      () => opened.announce({ kafka: address, http: address, grpc: address, peer: address }),
      () => opened.handOver(),
    );
  }

  get isServing(): boolean {
    return this.#kafka !== undefined && !this.#isDead;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Its doors shut first: nobody new comes in, and who is in hears no answer at the worst. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** As soon as it is there, doors or not. */
  get broker(): Broker | undefined {
    return this.#broker;
  }

  connect(onBytes: (bytes: Uint8Array) => void, onClosed: () => void): ClientEnd | undefined {
    const kafka = this.#kafka;
    if (kafka === undefined || this.#isDead) return undefined;
    const { gate } = this.#parts;
    let accepted: SocketEnd | undefined;
    let isCut = false;
    const close = (): void => {
      this.#ends.delete(end);
      onClosed();
    };
    const end: ClientEnd = {
      deliver: (bytes) => gate.enter(() => accepted?.deliver(bytes)),
      cut: () => {
        isCut = true;
        if (accepted === undefined || this.#isDead) close();
        if (accepted !== undefined) gate.enter(() => accepted?.cut());
      },
    };
    this.#ends.add(end);
    gate.enter(() => {
      if (isCut || this.#isDead) return;
      accepted = simulateSocket(onBytes, close);
      kafka.accept(accepted.socket, nothing);
    });
    return end;
  }

  cutConnections(): void {
    for (const end of this.#ends) end.cut();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#steps.stop();
    await this.coordinator.close();
    this.#kafka = undefined;
    this.#clock.die();
  }

  kill(how: "process" | "machine"): void {
    this.#isDead = true;
    this.#clock.die();
    this.coordinator.cut();
    if (how === "machine") this.#transport?.vanish();
    else this.#transport?.crash();
    this.cutConnections();
    this.#parts.gate.reset();
  }
}
