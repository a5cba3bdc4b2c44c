import { expect, test } from "vitest";
import { ackOf, untilLinked } from "../../test/support/peer-pair.ts";
import { type PeerNode, SimulatedPeerWorld } from "../../test/support/peer-world.ts";
import { isLongRun } from "../../test/support/repository.ts";
import { XylemError } from "../base/errors.ts";
import { SeededRandom } from "../base/seeded-random.ts";
import type { PeerLink, PeerMessage } from "../broker/ports/peer-links.ts";
import { drawBetween, drawOf, drawOneIn } from "../simulation/draw.ts";

const seedCount = isLongRun ? 2_000 : 60;
const stepCount = 150;
const ids = [1, 2, 3] as const;

/** What one life of a node saw, against what it may see. */
class Witness {
  readonly #open = new Map<number, PeerLink>();
  /** By sender's life and session: which number comes next, and on which link. */
  readonly #streams = new Map<string, { next: number; link: PeerLink }>();
  readonly #sent = new Map<PeerLink, { session: number; next: number }>();
  heardCount = 0;

  constructor(node: PeerNode) {
    const { links } = node;
    links.onOpened((link) => {
      expect(this.#open.get(link.peer.id), "one link at a time").toBeUndefined();
      this.#open.set(link.peer.id, link);
    });
    links.onClosed((link) => {
      expect(this.#open.get(link.peer.id), "closed once, after it opened").toBe(link);
      this.#open.delete(link.peer.id);
    });
    links.onMessages((link, messages) => {
      for (const message of messages) this.#hear(link, message);
    });
  }

  /** Each link carries a numbered stream of its own. */
  send(link: PeerLink): void {
    const stream = this.#sent.get(link) ?? { session: this.#sent.size, next: 0 };
    this.#sent.set(link, stream);
    const numbered = ackOf(stream.next);
    const message = { ...numbered.message, session: stream.session };
    stream.next += 1;
    link.send({ ...numbered, message });
  }

  #hear(link: PeerLink, { message }: PeerMessage): void {
    expect(this.#open.get(link.peer.id), "only open links are heard").toBe(link);
    const { session } = message;
    const written = message.kind === "ack" ? message.written : -1;
    const name = `${link.peer.incarnation}/${session}`;
    const stream = this.#streams.get(name) ?? { next: 0, link };
    expect(stream.link, "a stream stays on its link").toBe(link);
    expect(written, "nothing is lost, repeated or out of order").toBe(stream.next);
    stream.next += 1;
    this.#streams.set(name, stream);
    this.heardCount += 1;
  }
}

class Storm {
  readonly world: SimulatedPeerWorld;
  readonly nodes = new Map<number, { node: PeerNode; witness: Witness }>();
  readonly #random: SeededRandom;
  callsStarted = 0;
  callsEnded = 0;
  heardBefore = 0;

  constructor(seed: number) {
    this.world = new SimulatedPeerWorld(seed);
    this.#random = new SeededRandom(seed * 7 + 1);
  }

  async start(id: number): Promise<void> {
    this.heardBefore += this.nodes.get(id)?.witness.heardCount ?? 0;
    const node = await this.world.start(id);
    node.links.serve("echo", async (_from, body) => {
      await new Promise<void>((resolve) => this.world.clock.schedule(body[0] ?? 0, resolve));
      return body;
    });
    this.nodes.set(id, { node, witness: new Witness(node) });
  }

  get heardCount(): number {
    return [...this.nodes.values()].reduce(
      (sum, { witness }) => sum + witness.heardCount,
      this.heardBefore,
    );
  }

  async step(): Promise<void> {
    const one = drawOf(this.#random, ids);
    const other = drawOf(
      this.#random,
      ids.filter((id) => id !== one),
    );
    const { links } = this.#of(one).node;
    const { network } = this.world;
    const actions: readonly (() => unknown)[] = [
      () => links.want(other),
      () => links.want(other),
      () => drawOneIn(this.#random, 4) && links.unwant(other),
      () => this.#sendMany(one, other),
      () => this.#sendMany(one, other),
      () => this.#sendMany(one, other),
      () => this.#call(one, other),
      () => network.block(one, other),
      () => network.unblock(one, other),
      () => network.unblock(other, one),
      () => network.cut(one, other),
      () => drawOneIn(this.#random, 3) && links.find(other)?.close(),
      () => network.shape(one, other, { delayMsMin: 0, delayMsMax: 400, bytesPerMs: 100 }),
      () => network.shape(one, other),
      () => drawOneIn(this.#random, 4) && this.#restart(one, "kill"),
      () => drawOneIn(this.#random, 6) && this.#restart(one, "vanish"),
    ];
    await drawOf(this.#random, actions)();
    await this.world.pass(drawBetween(this.#random, 0, 1) * drawBetween(this.#random, 0, 300));
  }

  /** Faults end, everybody wants everybody: all are linked, and hear each other. */
  async heal(): Promise<void> {
    for (const one of ids) {
      for (const other of ids) {
        this.world.network.unblock(one, other);
        this.world.network.shape(one, other);
        this.#of(one).node.links.want(other);
      }
    }
    await this.world.pass(5_000);
    for (const one of ids) {
      for (const other of ids) {
        if (one < other) await untilLinked(this.world, this.#of(one).node, this.#of(other).node);
      }
    }
    await this.world.pass(1_000);
    const before = this.heardCount;
    for (const one of ids) for (const other of ids) if (one !== other) this.#send(one, other);
    await this.world.pass(1_000);
    expect(this.heardCount - before, "each hears both others").toBe(6);
  }

  #of(id: number): { node: PeerNode; witness: Witness } {
    const found = this.nodes.get(id);
    if (found === undefined) throw new Error(`node ${id} was never started`);
    return found;
  }

  #send(one: number, other: number): void {
    const { node, witness } = this.#of(one);
    const link = node.links.find(other);
    if (link !== undefined) witness.send(link);
  }

  #sendMany(one: number, other: number): void {
    for (let left = drawBetween(this.#random, 1, 30); left > 0; left -= 1) this.#send(one, other);
  }

  #call(one: number, other: number): void {
    this.callsStarted += 1;
    const body = Uint8Array.of(drawBetween(this.#random, 0, 255), this.callsStarted);
    const timeoutMs = drawBetween(this.#random, 1, 400);
    this.#of(one)
      .node.links.call(other, "echo", body, timeoutMs)
      .then(
        (answer) => this.#ended(() => expect(answer).toEqual(body)),
        (error: unknown) => this.#ended(() => expect(error).toBeInstanceOf(XylemError)),
      );
  }

  #ended(check: () => void): void {
    check();
    this.callsEnded += 1;
  }

  async #restart(id: number, how: "kill" | "vanish"): Promise<void> {
    if (how === "vanish") this.world.processes.get(id)?.vanish();
    this.#of(id).node.kill();
    await this.world.pass(drawBetween(this.#random, 0, 2_000));
    await this.start(id);
  }
}

test(`${seedCount} storms: links are in order, one at a time, and stand after it`, async () => {
  let heardCount = 0;
  let callsStarted = 0;
  for (let seed = 1; seed <= seedCount; seed += 1) {
    const storm = new Storm(seed);
    for (const id of ids) await storm.start(id);
    try {
      for (let step = 0; step < stepCount; step += 1) await storm.step();
      await storm.heal();
      expect(storm.callsEnded, "each call ends once").toBe(storm.callsStarted);
    } catch (error) {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    }
    heardCount += storm.heardCount;
    callsStarted += storm.callsStarted;
    await storm.world.close();
    expect(storm.world.network.connectionCount, `connections left of seed ${seed}`).toBe(0);
  }
  expect(heardCount).toBeGreaterThan(seedCount * 100);
  expect(callsStarted).toBeGreaterThan(seedCount * 3);
});
