import { createServer, type Server } from "node:net";
import type { Clock } from "../../src/base/clock.ts";
import { silentLog, type Log } from "../../src/base/log.ts";
import { SeededRandom } from "../../src/base/seeded-random.ts";
import { defaultNodeSettings, type NodeSettings } from "../../src/base/settings/node-settings.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import type { Broker } from "../../src/broker/broker.ts";
import type { Disk } from "../../src/broker/ports/disk.ts";
import { openBroker } from "../../src/node/open-broker.ts";
import { StartSteps } from "../../src/node/start-steps.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { KafkaServer } from "../../src/servers/kafka/kafka-server.ts";
import { KeptLog } from "./kept-log.ts";

/** Everything below the doors, in memory, on virtual time. */
export class MemoryBroker {
  readonly broker: Broker;
  readonly clock: VirtualClock;
  readonly #steps: StartSteps;

  private constructor(broker: Broker, clock: VirtualClock, steps: StartSteps) {
    this.broker = broker;
    this.clock = clock;
    this.#steps = steps;
  }

  /** With a disk: on that one, as if it were real. */
  static async open(settings: Partial<NodeSettings> = {}, disk?: Disk): Promise<MemoryBroker> {
    const clock = new VirtualClock();
    const steps = new StartSteps(silentLog);
    const broker = await openInMemory(steps, { settings, clock, log: silentLog, disk });
    return new MemoryBroker(broker, clock, steps);
  }

  createTopic(name: string, configs: Readonly<Record<string, string>> = {}, partitions = 1) {
    const asked = { name, partitions, replicas: -1, configs: new Map(Object.entries(configs)) };
    return this.broker.topics.create(asked);
  }

  close(): Promise<void> {
    return this.#steps.stop();
  }
}

/** The Kafka door of a broker in memory, on a loopback port, on real time. */
export class KafkaDoor {
  readonly broker: Broker;
  readonly kafka: KafkaServer;
  readonly log: KeptLog;
  readonly port: number;
  readonly #steps: StartSteps;

  private constructor(
    parts: { broker: Broker; kafka: KafkaServer; log: KeptLog; steps: StartSteps },
    port: number,
  ) {
    this.broker = parts.broker;
    this.kafka = parts.kafka;
    this.log = parts.log;
    this.#steps = parts.steps;
    this.port = port;
  }

  static async open(
    settings: Partial<NodeSettings> = {},
    clock: Clock = systemClock,
  ): Promise<KafkaDoor> {
    const log = new KeptLog();
    const steps = new StartSteps(log);
    const broker = await openInMemory(steps, { settings, clock, log });
    const kafka = new KafkaServer(broker);
    const listening = await listen((server) => {
      server.on("connection", (socket) => kafka.accept(socket, new Uint8Array(0)));
    });
    await steps.run(
      "listen",
      () => listening.server,
      (server) => void server.close(),
    );
    return new KafkaDoor({ broker, kafka, log, steps }, listening.port);
  }

  async close(graceMs = 1_000): Promise<void> {
    await this.kafka.close(graceMs);
    await this.#steps.stop();
  }
}

interface MemoryParts {
  readonly settings: Partial<NodeSettings>;
  readonly clock: Clock;
  readonly log: Log;
  readonly disk?: Disk | undefined;
}

async function openInMemory(
  steps: StartSteps,
  { settings, clock, log, disk }: MemoryParts,
): Promise<Broker> {
  const random = new SeededRandom(1);
  const merged = { ...defaultNodeSettings, memory: disk === undefined, ...settings };
  const parts = { settings: merged, given: new Map(), clock, log, random, ...(disk && { disk }) };
  const { broker, loadGroups } = await openBroker(steps, parts);
  await loadGroups();
  return broker;
}

function listen(prepare: (server: Server) => void): Promise<{ server: Server; port: number }> {
  const server = createServer();
  prepare(server);
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      resolve({ server, port });
    });
  });
}
