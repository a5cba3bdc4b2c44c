import { describe, expect, test } from "vitest";
import { life } from "../../../test/support/controller-world.ts";
import type { ControlledNode, NodeLookup } from "./controlled-node.ts";
import { Suspicions } from "./suspicions.ts";

const lineages = { fsync: "f", os: "o" };

/** Node 9 is the controller's own. */
class Watching {
  readonly suspicions = new Suspicions({ selfId: 9, suspectMs: 5_000 });
  readonly #nodes = new Map<number, ControlledNode>();
  nowMs = 0;

  constructor(leased = "9a 1a 2a 3a 4a") {
    for (const name of leased.split(" ")) this.lease(name);
  }

  lease(name: string): void {
    const node = { ...life(name), lineages, revision: 1, isDraining: false };
    this.#nodes.set(node.id, node);
  }

  end(id: number): void {
    this.#nodes.delete(id);
  }

  refused(suspect: string, ...from: string[]): void {
    for (const name of from) {
      this.suspicions.refused({ suspect: life(suspect), from: life(name) }, this.nowMs);
    }
  }

  review() {
    const leased: NodeLookup = { findNode: (id) => this.#nodes.get(id) };
    return this.suspicions.review(this.nowMs, leased);
  }

  /** At a time. */
  goneAt(nowMs: number): number[] {
    this.nowMs = nowMs;
    return [...this.review().gone.keys()];
  }
}

describe("a process is gone", () => {
  test("when the controller's own dials are refused twice, or once and another's too", () => {
    const own = new Watching();
    own.refused("1a", "9a");
    expect(own.goneAt(0)).toEqual([]);
    own.refused("1a", "9a");
    expect(own.goneAt(1)).toEqual([1]);
    const both = new Watching();
    both.refused("1a", "2a", "9a");
    expect(both.goneAt(0)).toEqual([1]);
  });

  test("when two others say so and the controller's own dial has found nothing out", () => {
    const watching = new Watching();
    watching.refused("1a", "2a");
    watching.refused("1a", "3a");
    expect(watching.goneAt(0)).toEqual([]);
    expect(watching.review().wakeMs).toBe(200);
    expect(watching.goneAt(200)).toEqual([1]);
  });

  test("not by the word of one other node, however often", () => {
    const watching = new Watching();
    for (let nowMs = 0; nowMs < 20_000; nowMs += 100) {
      watching.nowMs = nowMs;
      watching.refused("1a", "2a");
      expect(watching.goneAt(nowMs)).toEqual([]);
    }
  });

  test("not while the controller is linked to it, and at once when that link ends", () => {
    const watching = new Watching();
    watching.suspicions.linked(life("1a"));
    watching.refused("1a", "2a", "3a");
    expect(watching.goneAt(1_000)).toEqual([]);
    watching.suspicions.unlinked(life("1a"));
    expect(watching.goneAt(1_000)).toEqual([1]);
  });

  test("not in another life, nor the controller's own, whoever says so", () => {
    const watching = new Watching();
    watching.refused("1z", "9a", "9a", "2a");
    watching.refused("9a", "1a", "2a", "3a");
    expect(watching.goneAt(300)).toEqual([]);
  });

  test("not by the word of nodes that are gone themselves, or in another life by now", () => {
    const watching = new Watching();
    watching.refused("2a", "9a", "9a");
    expect(watching.goneAt(0)).toEqual([2]);
    watching.refused("1a", "2a", "3a");
    expect(watching.goneAt(300)).toEqual([2]);
    watching.refused("4a", "1a", "3a");
    watching.lease("3b");
    expect(watching.goneAt(600)).toEqual([2]);
  });
});

describe("a suspicion ends", () => {
  function suspected(): Watching {
    const watching = new Watching();
    watching.refused("1a", "9a", "2a");
    expect(watching.goneAt(0)).toEqual([1]);
    return watching;
  }

  test("when the controller is linked to it again", () => {
    const watching = suspected();
    watching.suspicions.linked(life("1a"));
    expect(watching.goneAt(10)).toEqual([]);
    watching.suspicions.unlinked(life("1a"));
    expect(watching.goneAt(20)).toEqual([]);
  });

  test("when nobody has said so for a while; one voice that goes on is enough to keep it", () => {
    const watching = suspected();
    for (let nowMs = 1_000; nowMs <= 20_000; nowMs += 1_000) {
      watching.nowMs = nowMs;
      watching.refused("1a", "2a");
      expect(watching.goneAt(nowMs)).toEqual([1]);
    }
    expect(watching.goneAt(25_000)).toEqual([1]);
    expect(watching.goneAt(25_001)).toEqual([]);
  });

  test("with its lease, and with its life", () => {
    const ended = suspected();
    ended.end(1);
    expect(ended.goneAt(1)).toEqual([]);
    expect(ended.review().wakeMs).toBeUndefined();
    const again = suspected();
    again.lease("1b");
    expect(again.goneAt(1)).toEqual([]);
  });

  test("the controller dials whoever is suspected, at once and every second", () => {
    const watching = new Watching();
    watching.refused("1a", "2a");
    const probed: number[] = [];
    for (let nowMs = 0; nowMs <= 3_000; nowMs += 100) {
      watching.nowMs = nowMs;
      if (watching.review().probes.includes(1)) probed.push(nowMs);
    }
    expect(probed).toEqual([0, 1_000, 2_000, 3_000]);
    expect(watching.review().wakeMs).toBe(4_000);
  });
});

test("at the time that it names it has something to do, whatever fractions add up to", () => {
  for (let at = 0; at < 1_000; at += 1) {
    const watching = new Watching();
    watching.nowMs = 3_000 + at * 0.730238057205;
    watching.refused("1a", "2a");
    for (let look = 0; look < 4; look += 1) {
      const { wakeMs = Infinity } = watching.review();
      expect(wakeMs).toBeGreaterThan(watching.nowMs);
      watching.nowMs = wakeMs;
    }
  }
});
