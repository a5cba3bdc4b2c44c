import { cpSync, rmSync } from "node:fs";
import { Child } from "../../support/child-process.ts";
import { waitUntil } from "../../support/wait-until.ts";

const clientPort = 2_379;
const peerPort = 2_380;

export interface FaultEtcdOptions {
  readonly name: string;
  readonly address: string;
  readonly folder: string;
  /** `name=http://address:port` of all members. */
  readonly cluster: string;
  readonly commandAt: (command: readonly string[]) => readonly string[];
}

/** How the other members know a member. */
export function etcdPeer(name: string, address: string): string {
  return `${name}=http://${address}:${peerPort}`;
}

/** One member of etcd in a fault run. */
export class FaultEtcd {
  readonly name: string;
  readonly #options: FaultEtcdOptions;
  #child: Child | undefined;

  constructor(options: FaultEtcdOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get address(): string {
    return `${this.#options.address}:${clientPort}`;
  }

  /** Starts the process; `whenHealthy` tells when it serves. */
  start(): void {
    const { name, address, folder, cluster } = this.#options;
    const client = `http://${address}:${clientPort}`;
    const peer = `http://${address}:${peerPort}`;
    const etcd = ["etcd", "--name", name, "--data-dir", folder, "--initial-cluster", cluster];
    etcd.push("--listen-client-urls", client, "--advertise-client-urls", client);
    etcd.push("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer);
    const [command = "", ...args] = this.#options.commandAt(etcd);
    this.#child = new Child(command, args);
  }

  async whenHealthy(): Promise<void> {
    await waitUntil(`etcd on ${this.address} is healthy`, async () => {
      const signal = AbortSignal.timeout(1_000);
      const ask = fetch(`http://${this.address}/health`, { signal });
      return (await ask.then((answer) => answer.text()).catch(() => "")).includes("true");
    });
  }

  async isLeader(): Promise<boolean> {
    const url = `http://${this.address}/v3/maintenance/status`;
    const answer = await fetch(url, { method: "POST", body: "{}" });
    const { header, leader } = (await answer.json()) as {
      readonly header: { readonly member_id: string };
      readonly leader: string;
    };
    return header.member_id === leader;
  }

  pause(): void {
    if (this.#child?.isRunning === true) process.kill(this.#child.pid, "SIGSTOP");
  }

  resume(): void {
    if (this.#child?.isRunning === true) process.kill(this.#child.pid, "SIGCONT");
  }

  /** Keeps what it has stored, for `restore`; it has to be down. */
  backUp(): void {
    rmSync(this.#backup, { recursive: true, force: true });
    cpSync(this.#options.folder, this.#backup, { recursive: true });
  }

  /** It has what it had at `backUp`, and knows of nothing after it; it has to be down. */
  restore(): void {
    rmSync(this.#options.folder, { recursive: true });
    cpSync(this.#backup, this.#options.folder, { recursive: true });
  }

  get #backup(): string {
    return `${this.#options.folder}.backup`;
  }

  async kill(): Promise<void> {
    if (this.#child?.isRunning === true) await this.#child.end("SIGKILL");
  }
}
