import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { Child } from "../../support/child-process.ts";
import { repositoryRoot } from "../../support/repository.ts";
import { clientsPlace, type Disturbance, type FaultNet } from "./fault-net.ts";

/** A hardware address that nobody has: frames to it reach no one. */
const nobody = "02:00:00:00:00:99";
const namespaceFolder = "/run/netns";
const open = new Set<NamespaceNet>();

process.on("exit", () => {
  for (const net of open) net.close();
});

/**
 * A network namespace for each place, on one bridge; wants root. A cut is a neighbour entry that
 * leads nowhere: one way, silent, on standing connections too, and with nothing but iproute2.
 */
export class NamespaceNet implements FaultNet {
  readonly #prefix = `xy${process.pid}`;
  readonly #subnet = `10.211.${process.pid % 250}`;
  readonly #places: readonly string[];
  readonly #cuts: (readonly [string, string])[] = [];
  readonly #narrow = new Set<string>();
  readonly #disturbed = new Map<string, Child>();

  constructor(places: readonly string[]) {
    removeLeftovers();
    this.#places = places;
    open.add(this);
    const bridge = this.#bridge;
    ip("link", "add", bridge, "type", "bridge");
    ip("addr", "add", `${this.addressOf(clientsPlace)}/24`, "dev", bridge);
    ip("link", "set", bridge, "up");
    for (const place of places) this.#addPlace(place);
  }

  addressOf(place: string): string {
    return `${this.#subnet}.${place === clientsPlace ? 1 : 11 + this.#numberOf(place)}`;
  }

  commandAt(place: string, command: readonly string[]): readonly string[] {
    if (place === clientsPlace) return command;
    return ["nsenter", `--net=${namespaceFolder}/${this.#namespaceOf(place)}`, "--", ...command];
  }

  cut(from: string, to: string): void {
    this.#cuts.push([from, to]);
    this.#neighbour(from, "replace", this.addressOf(to), "lladdr", nobody, "nud", "permanent");
  }

  narrow(place: string, kilobitsPerSecond: number): void {
    this.#narrow.add(place);
    const rate = ["rate", `${kilobitsPerSecond}kbit`, "burst", "16k", "latency", "1s"];
    for (const wire of this.#endsOf(place)) {
      tc([...wire.at, "qdisc", "replace", "dev", wire.device, "root", "tbf", ...rate]);
    }
  }

  /** A program takes the place of the wire: the kernel may have nothing that does so. */
  disturb(place: string, disturbance: Partial<Disturbance>): void {
    const [outside, inner, outer] = ["v", "d", "e"].map((kind) => this.#linkOf(kind, place));
    ip("link", "add", `${inner}`, "type", "veth", "peer", "name", `${outer}`);
    ip("link", "set", `${inner}`, "up");
    ip("link", "set", `${outer}`, "master", this.#bridge, "up");
    ip("link", "set", `${outside}`, "nomaster");
    const { lateMs = 0, twicePercent = 0, overtakenPercent = 0 } = disturbance;
    const relay = [`${repositoryRoot}/test/fault/net/late-wire.py`, `${outside}`, `${inner}`];
    const numbers = [lateMs, twicePercent, overtakenPercent].map(String);
    this.#disturbed.set(place, new Child("python3", [...relay, ...numbers]));
  }

  mend(): void {
    for (const [from, to] of this.#cuts.splice(0)) {
      // A cut that was made twice is gone after the first time.
      ignoringFailure(() => this.#neighbour(from, "del", this.addressOf(to)));
    }
    for (const wire of [...this.#narrow].flatMap((place) => this.#endsOf(place))) {
      tc([...wire.at, "qdisc", "del", "dev", wire.device, "root"]);
    }
    this.#narrow.clear();
    for (const [place, relay] of this.#disturbed) {
      process.kill(relay.pid);
      ip("link", "set", this.#linkOf("v", place), "master", this.#bridge);
      ip("link", "del", this.#linkOf("d", place));
    }
    this.#disturbed.clear();
  }

  close(): void {
    open.delete(this);
    removeNet(this.#prefix);
  }

  get #bridge(): string {
    return `${this.#prefix}b`;
  }

  #numberOf(place: string): number {
    const number = this.#places.indexOf(place);
    if (number < 0) throw new Error(`there is no place ${place}`);
    return number;
  }

  #linkOf(kind: string, place: string): string {
    return `${this.#prefix}${kind}${this.#numberOf(place)}`;
  }

  #namespaceOf(place: string): string {
    return `${this.#prefix}n${this.#numberOf(place)}`;
  }

  #addPlace(place: string): void {
    const namespace = this.#namespaceOf(place);
    const outside = this.#linkOf("v", place);
    ip("netns", "add", namespace);
    ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", namespace);
    ip("link", "set", outside, "master", this.#bridge, "up");
    ip("-n", namespace, "addr", "add", `${this.addressOf(place)}/24`, "dev", "eth0");
    ip("-n", namespace, "link", "set", "eth0", "up");
    ip("-n", namespace, "link", "set", "lo", "up");
  }

  #neighbour(place: string, verb: "replace" | "del", address: string, ...more: string[]): void {
    if (place === clientsPlace) ip("neigh", verb, address, ...more, "dev", this.#bridge);
    else ip("-n", this.#namespaceOf(place), "neigh", verb, address, ...more, "dev", "eth0");
  }

  /** Each shapes what goes out of it. */
  #endsOf(place: string) {
    const inside = { at: ["-n", this.#namespaceOf(place)], device: "eth0" };
    return [inside, { at: [], device: this.#linkOf("v", place) }];
  }
}

/** What runs left behind that were killed. */
function removeLeftovers(): void {
  const names = execFileSync("ip", ["-br", "link", "show", "type", "bridge"], { encoding: "utf8" });
  for (const [, prefix = "", pid] of names.matchAll(/^(xy(\d+))b\b/gm)) {
    if (!isAlive(Number(pid))) removeNet(prefix);
  }
}

function removeNet(prefix: string): void {
  for (const name of readdirSync(namespaceFolder)) {
    if (name.startsWith(`${prefix}n`)) ignoringFailure(() => ip("netns", "del", name));
  }
  ignoringFailure(() => ip("link", "del", `${prefix}b`));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: "pipe" });
}

function tc(args: readonly string[]): void {
  execFileSync("tc", args, { stdio: "pipe" });
}

function ignoringFailure(act: () => void): void {
  try {
    act();
  } catch {
    // It is as wanted already.
  }
}
