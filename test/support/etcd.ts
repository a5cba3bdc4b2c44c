import { Child } from "./child-process.ts";
import { findFreePort } from "./free-port.ts";
import { makeTemporaryFolder, removeFolder } from "./temporary-folder.ts";
import { waitUntil } from "./wait-until.ts";

interface Answer {
  readonly header: { readonly revision: string; readonly member_id: string };
  readonly leader?: string;
}

/** One member of etcd on loopback, with a folder of its own. */
export class EtcdServer {
  readonly port: number;
  readonly #args: readonly string[];
  #child: Child;

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = args;
    this.#child = new Child("etcd", args);
  }

  /** Starts as many members as one cluster; the folders go with `stopEtcd`. */
  static async startAll(count: number): Promise<readonly EtcdServer[]> {
    const members = [];
    for (let at = 0; at < count; at += 1) {
      const [port, peerPort] = [await findFreePort(), await findFreePort()];
      members.push({ name: `m${at}`, port, peer: `http://127.0.0.1:${peerPort}` });
    }
    const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(",");
    const servers = members.map(({ name, port, peer }) => {
      const folder = makeTemporaryFolder("etcd");
      const client = `http://127.0.0.1:${port}`;
      const args = ["--name", name, "--data-dir", folder, "--initial-cluster", cluster];
      args.push("--listen-client-urls", client, "--advertise-client-urls", client);
      args.push("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer);
      const server = new EtcdServer(port, args);
      server.#folder = folder;
      return server;
    });
    await Promise.all(servers.map((server) => server.#whenHealthy()));
    return servers;
  }

  #folder = "";

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

  /** On the same port, with what it had stored. */
  async startAgain(): Promise<void> {
    this.#child = new Child("etcd", this.#args);
    await this.#whenHealthy();
  }

  /** As after the loss of its disk: the revision begins anew. */
  async startEmpty(): Promise<void> {
    await this.kill();
    removeFolder(this.#folder);
    await this.startAgain();
  }

  async stop(): Promise<void> {
    await this.kill();
    removeFolder(this.#folder);
  }

  /** Forgets the history below the newest revision. */
  async compact(): Promise<void> {
    const { header } = await this.#post("kv/range", { key: "AA==" });
    await this.#post("kv/compaction", { revision: header.revision, physical: true });
  }

  async isLeader(): Promise<boolean> {
    const { header, leader } = await this.#post("maintenance/status", {});
    return header.member_id === leader;
  }

  async #post(path: string, body: unknown): Promise<Answer> {
    const response = await fetch(`http://${this.address}/v3/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return (await response.json()) as Answer;
  }

  async #whenHealthy(): Promise<void> {
    await waitUntil(`etcd on ${this.address} is healthy`, async () => {
      if (!this.#child.isRunning) throw new Error(`etcd ended: ${this.#child.stderr.slice(-2000)}`);
      const response = await fetch(`http://${this.address}/health`).catch(() => undefined);
      return response?.ok === true && (await response.text()).includes("true");
    });
  }
}
