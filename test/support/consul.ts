import { Child } from "./child-process.ts";
import { consulProgram } from "./consul-program.ts";
import { findFreePort } from "./free-port.ts";
import { makeTemporaryFolder, removeFolder } from "./temporary-folder.ts";
import { waitUntil } from "./wait-until.ts";

/** One agent of Consul on loopback, with a folder of its own: a server, or a client of one. */
export class ConsulAgent {
  readonly port: number;
  readonly #folder: string;
  readonly #gossipPort: number;
  readonly #args: readonly string[];
  #child: Child;

  private constructor(ports: readonly number[], folder: string, role: readonly string[]) {
    const [port, gossip, server] = ports as [number, number, number];
    this.port = port;
    this.#gossipPort = gossip;
    this.#folder = folder;
    const name = `agent-${port}`;
    const config =
      `ports { http = ${port} dns = -1 grpc = -1 serf_wan = -1 ` +
      `serf_lan = ${gossip} server = ${server} } performance { raft_multiplier = 1 }`;
    this.#args = ["agent", ...role, "-node", name, "-data-dir", folder, "-hcl", config];
    this.#args = [...this.#args, "-bind", "127.0.0.1", "-client", "127.0.0.1"];
    this.#child = new Child(consulProgram, this.#args);
  }

  /** Servers that are one cluster. */
  static async startServers(count: number): Promise<readonly ConsulAgent[]> {
    const ports = [];
    for (let at = 0; at < count; at += 1) ports.push(await freePorts());
    const joins = ports.flatMap(([, gossip]) => ["-retry-join", `127.0.0.1:${gossip}`]);
    const role = ["-server", "-bootstrap-expect", String(count), ...joins];
    const agents = ports.map((own) => new ConsulAgent(own, makeTemporaryFolder("consul"), role));
    await Promise.all(agents.map((agent) => agent.#whenReady()));
    return agents;
  }

  /** An agent without data, which asks this server. */
  async startClient(): Promise<ConsulAgent> {
    const role = ["-retry-join", `127.0.0.1:${this.#gossipPort}`];
    const client = new ConsulAgent(await freePorts(), makeTemporaryFolder("consul"), role);
    await client.#whenReady();
    return client;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** It stops answering, and its connections stay open. */
  pause(): void {
    process.kill(this.#child.pid, "SIGSTOP");
  }

  resume(): void {
    process.kill(this.#child.pid, "SIGCONT");
  }

  async kill(): Promise<void> {
    await this.#child.end("SIGKILL");
  }

  /** On the same ports, with what it had stored. */
  async startAgain(): Promise<void> {
    this.#child = new Child(consulProgram, this.#args);
    await this.#whenReady();
  }

  /** As after the loss of its disk: indexes begin anew. */
  async startEmpty(): Promise<void> {
    await this.kill();
    removeFolder(this.#folder);
    await this.startAgain();
  }

  async stop(): Promise<void> {
    await this.kill();
    removeFolder(this.#folder);
  }

  /** What an operator does by hand. */
  async put(path: string, body = ""): Promise<void> {
    const response = await fetch(`http://${this.address}/v1/${path}`, { method: "PUT", body });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  }

  /** All data of the cluster, as of now; `restore` brings it back. */
  async snapshot(): Promise<ArrayBuffer> {
    const response = await fetch(`http://${this.address}/v1/snapshot`);
    return await response.arrayBuffer();
  }

  async restore(snapshot: ArrayBuffer): Promise<void> {
    const url = `http://${this.address}/v1/snapshot`;
    const response = await fetch(url, { method: "PUT", body: snapshot });
    if (!response.ok) throw new Error(`restore: ${await response.text()}`);
  }

  /** A quorum is there: a consistent read is answered. */
  async #whenReady(): Promise<void> {
    await waitUntil(`Consul on ${this.address} has a leader`, async () => {
      if (!this.#child.isRunning)
        throw new Error(`Consul ended: ${this.#child.stdout.slice(-2000)}`);
      const url = `http://${this.address}/v1/kv/none/?recurse&consistent`;
      const response = await fetch(url).catch(() => undefined);
      await response?.text();
      return response?.status === 404 || response?.status === 200;
    });
  }
}

/** For HTTP, for gossip, and for servers among each other. */
async function freePorts(): Promise<readonly [number, number, number]> {
  return [await findFreePort(), await findFreePort(), await findFreePort()];
}
