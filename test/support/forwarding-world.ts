import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createListener } from "node:net";
import type { NodeSettings } from "../../src/base/settings/node-settings.ts";
import { batchTools } from "../../src/node/open-broker.ts";
import { GrpcServer } from "../../src/servers/grpc/grpc-server.ts";
import { HttpServer } from "../../src/servers/http/http-server.ts";
import { MetricsPage } from "../../src/servers/http/metrics.ts";
import { type ClusterNode, ClusterWorld } from "./cluster-world.ts";

export interface DoorAnswer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

/** Nodes that are linked over loopback, each with its HTTP and its gRPC door. */
export class ForwardingWorld {
  readonly cluster: ClusterWorld;
  readonly #count: number;
  readonly #urls = new Map<string, string>();
  readonly #closes: (() => unknown)[] = [];

  private constructor(count: number) {
    this.cluster = new ClusterWorld(count);
    this.#count = count;
  }

  static async open(count: number, own: Partial<NodeSettings> = {}): Promise<ForwardingWorld> {
    const world = new ForwardingWorld(count);
    for (let id = 1; id <= count; id += 1) {
      await world.#openDoors(await world.cluster.start(id, own));
    }
    return world;
  }

  /** A topic with that many partitions, the first on node 1, the next on node 2 and so on. */
  async create(name: string, partitions = this.#count): Promise<void> {
    const assignments = Array.from({ length: partitions }, (_, index) => ({
      index,
      replicas: [1 + (index % this.#count)],
    }));
    await this.cluster.create(1, name, { assignments, partitions: -1, replicas: -1 });
    const served = (): boolean =>
      assignments.every(({ index, replicas: [id = 0] }) => {
        const log = this.cluster.node(id).topic(name)?.partitions[index];
        return log !== undefined && log.absence === undefined;
      });
    await this.until("every partition is led", served);
  }

  /** Lets time pass until it holds. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (let step = 0; !holds(); step += 1) {
      if (step > 400) throw new Error(`not within 20 s: ${what}`);
      await this.cluster.tick(50);
    }
  }

  /** Ends a node; the others notice. */
  async stop(id: number): Promise<ClusterNode> {
    const node = this.cluster.node(id);
    await node.stop();
    await this.#whenGone(id);
    return node;
  }

  /** Ends a node as `kill -9` does. */
  crash(id: number): void {
    this.cluster.node(id).crash();
  }

  async #whenGone(id: number): Promise<void> {
    const left = Array.from({ length: this.#count }, (_, index) => index + 1);
    const others = left.filter((other) => other !== id);
    const isGone = (other: number): boolean =>
      this.cluster.node(other).cluster.image.node(id) === undefined;
    await this.until(`node ${id} is gone`, () => others.every(isGone));
  }

  /** On the disk that it had. */
  async restart(former: ClusterNode): Promise<void> {
    await this.#openDoors(await this.cluster.start(former.id, {}, former.disk));
  }

  async http(
    id: number,
    method: string,
    path: string,
    {
      body,
      headers = {},
      signal,
    }: { body?: string; headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<DoorAnswer> {
    const asked = {
      method,
      headers,
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    };
    return await this.#ask(fetch(`${this.urlOf(id)}${path}`, asked));
  }

  /** Of its HTTP door. */
  urlOf(id: number): string {
    return this.#urls.get(`http/${id}`) ?? "";
  }

  /** A call of LogService, as Connect's JSON. */
  async grpc(id: number, method: string, message: object): Promise<DoorAnswer> {
    const url = `${this.#urls.get(`grpc/${id}`)}/xylem.v1.LogService/${method}`;
    const headers = { "content-type": "application/json" };
    return await this.#ask(fetch(url, { method: "POST", headers, body: JSON.stringify(message) }));
  }

  async #ask(answering: Promise<Response>): Promise<DoorAnswer> {
    const read = async (): Promise<DoorAnswer> => {
      const response = await answering;
      const text = await response.text();
      const json = (text === "" ? {} : JSON.parse(text)) as DoorAnswer["json"];
      return { status: response.status, json };
    };
    return await this.cluster.drive(read());
  }

  async close(): Promise<void> {
    for (const close of this.#closes) await close();
    await this.cluster.close();
  }

  async #openDoors({ id, broker }: ClusterNode): Promise<void> {
    const http = await HttpServer.open({
      broker,
      tools: batchTools,
      loadGroups: async () => {},
      rules: { listenerAddresses: [], hosts: [], origins: [] },
      node: { isReady: () => true, metrics: new MetricsPage(() => []) },
    });
    const grpc = new GrpcServer({ broker, tools: batchTools });
    const web = createListener({ pauseOnConnect: true }, (socket) => http.accept(socket));
    const calls = createServer((request, response) => grpc.handle(request, response));
    this.#urls.set(`http/${id}`, await listen(web as Server));
    this.#urls.set(`grpc/${id}`, await listen(calls));
    this.#closes.push(async () => {
      web.close();
      calls.closeAllConnections();
      calls.close();
      await grpc.close();
      await http.close(0);
    });
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
