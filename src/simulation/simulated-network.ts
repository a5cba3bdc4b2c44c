import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { PeerSocket, PeerTransport } from "../broker/ports/peer-transport.ts";
import { drawBetween } from "./draw.ts";
import { SimulatedEnd } from "./simulated-connection.ts";
import { type PathRule, type Segment, SimulatedStream } from "./simulated-stream.ts";

interface Place {
  readonly host: string;
  readonly port: number;
}

/** A process with an address; the same address may have another one after its death. */
interface Process {
  readonly nodeId: number;
  readonly address: string;
  readonly accept: (socket: PeerSocket) => void;
  isAlive: boolean;
}

interface Connection {
  /** Both processes: who dialed, and who was dialed, unknown until the dial has arrived. */
  readonly from: Process;
  readonly toId: number;
  to: Process | undefined;
  readonly there: SimulatedStream;
  readonly back: SimulatedStream;
  readonly dialer: SimulatedEnd;
  acceptor: SimulatedEnd | undefined;
}

const quick: PathRule = { delayMsMin: 0, delayMsMax: 2, bytesPerMs: 1_000_000 };

/**
 * The network between nodes of one process, on the clock and the chance it is given: one seed is
 * one run. It delays, cuts bytes into pieces, blocks a direction as a lost route does (nothing is
 * lost, nothing arrives), resets connections, and lets what a dead process sent arrive late.
 */
export class SimulatedNetwork {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #processes = new Map<string, Process>();
  readonly #connections = new Set<Connection>();
  readonly #blocked = new Set<string>();
  readonly #rejected = new Set<string>();
  readonly #rules = new Map<string, PathRule>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A node's process begins to listen; whoever listened at this address is dead by then. */
  join(nodeId: number, place: Place, accept: (socket: PeerSocket) => void): SimulatedProcess {
    const address = addressOf(place);
    const process: Process = { nodeId, address, accept, isAlive: true };
    this.#processes.set(address, process);
    return {
      dial: (target) => this.#dial(process, target),
      crash: () => this.#crash(process),
      vanish: () => this.#vanish(process),
    };
  }

  /** From now on nothing of the one arrives at the other; the way back is not touched. */
  block(fromId: number, toId: number): void {
    this.#blocked.add(pathOf(fromId, toId));
  }

  unblock(fromId: number, toId: number): void {
    this.#blocked.delete(pathOf(fromId, toId));
    for (const connection of this.#connections) {
      connection.there.pump();
      connection.back.pump();
    }
  }

  /** From now on each dial of the one is refused on the way, as a firewall may do. */
  reject(fromId: number, toId: number): void {
    this.#rejected.add(pathOf(fromId, toId));
  }

  /** Delays and rate of one direction; absent: those of a quick network. */
  shape(fromId: number, toId: number, rule: PathRule = quick): void {
    this.#rules.set(pathOf(fromId, toId), rule);
  }

  /** Connections of the two are reset; what is under way is lost. Both learn it, soon. */
  cut(oneId: number, otherId: number): void {
    for (const connection of this.#connections) {
      const { from, toId, there, back } = connection;
      const path = pathOf(from.nodeId, toId);
      if (path !== pathOf(oneId, otherId) && path !== pathOf(otherId, oneId)) continue;
      there.drop();
      back.drop();
      for (const end of [connection.dialer, connection.acceptor]) {
        const delayMs = drawBetween(this.#random, 0, quick.delayMsMax);
        this.#clock.schedule(delayMs, () => end?.close("the connection was reset"));
      }
    }
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  #dial(from: Process, target: Place): PeerSocket {
    const address = addressOf(target);
    const toId = this.#processes.get(address)?.nodeId ?? -1;
    const there = this.#stream(from.nodeId, toId, (segment) => this.#arrive(connection, segment));
    const back = this.#stream(toId, from.nodeId, (segment) => {
      if (from.isAlive) connection.dialer.take(segment);
    });
    const dialer = this.#end(address, there, () => this.#forget(connection));
    const connection: Connection = {
      from,
      toId,
      to: undefined,
      there,
      back,
      dialer,
      acceptor: undefined,
    };
    this.#connections.add(connection);
    if (!this.#rejected.has(pathOf(from.nodeId, toId))) there.push({ kind: "dial" });
    else this.#clock.schedule(0, () => dialer.take({ kind: "refused" }));
    return dialer;
  }

  /** What the dialer sent reaches the other machine. */
  #arrive(connection: Connection, segment: Segment): void {
    if (segment.kind !== "dial") {
      if (connection.to?.isAlive) connection.acceptor?.take(segment);
      return;
    }
    const listening = this.#processes.get(connection.dialer.remote);
    if (listening === undefined) return;
    if (!listening.isAlive) return connection.back.push({ kind: "refused" });
    const { from, back } = connection;
    connection.to = listening;
    connection.acceptor = this.#end(from.address, back, () => this.#forget(connection));
    back.push({ kind: "opened" });
    listening.accept(connection.acceptor);
  }

  /** The kernel outlives the process: what was sent arrives, then a reset. */
  #crash(process: Process): void {
    process.isAlive = false;
    for (const connection of this.#connections) {
      if (connection.from === process) leave(connection.dialer, connection.there);
      else if (connection.to === process) leave(connection.acceptor, connection.back);
    }
  }

  /** The machine is gone: what it sent may arrive, but nothing tells the others. */
  #vanish(process: Process): void {
    process.isAlive = false;
    this.#processes.delete(process.address);
    for (const connection of this.#connections) {
      if (connection.from === process) connection.dialer.vanish();
      else if (connection.to === process) connection.acceptor?.vanish();
    }
  }

  #forget(connection: Connection): void {
    const { dialer, acceptor } = connection;
    if (!dialer.isClosed || acceptor?.isClosed === false) return;
    this.#connections.delete(connection);
    connection.there.drop();
    connection.back.drop();
  }

  #end(remote: string, out: SimulatedStream, onClosed: () => void): SimulatedEnd {
    const place = { remote, clock: this.#clock, random: this.#random };
    return new SimulatedEnd(place, out, onClosed);
  }

  #stream(fromId: number, toId: number, deliver: (segment: Segment) => void): SimulatedStream {
    const path = pathOf(fromId, toId);
    return new SimulatedStream({
      clock: this.#clock,
      random: this.#random,
      rule: () => this.#rules.get(path) ?? quick,
      isBlocked: () => this.#blocked.has(path),
      deliver,
    });
  }
}

/** What a process does with the network, and what may happen to it. */
export interface SimulatedProcess extends PeerTransport {
  /** It is killed: others see its connections reset once they have what it sent. */
  crash(): void;
  /** Its machine loses power: others see nothing, and hear nothing. */
  vanish(): void;
}

function leave(end: SimulatedEnd | undefined, out: SimulatedStream): void {
  if (end === undefined || end.isClosed) return;
  out.push({ kind: "reset" });
  end.vanish();
}

function addressOf({ host, port }: Place): string {
  return `${host}:${port}`;
}

function pathOf(fromId: number, toId: number): string {
  return `${fromId}>${toId}`;
}
