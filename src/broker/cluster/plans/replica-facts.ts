import type { Log } from "../../../base/log.ts";
import type { ReplicaLog } from "../../partition/replica/replica-log.ts";
import type { PeerLinks } from "../../ports/peer-links.ts";
import type { Cluster } from "../cluster.ts";
import { readJson, writeJson } from "../json-body.ts";

/** What a node has of one partition. */
export interface ReplicaFact {
  /** The chain's. */
  readonly key: string;
  readonly logStart: number;
  readonly end: number;
  readonly sizeBytes: number;
}

/** By chain's key: what one node has. */
export type NodeFacts = ReadonlyMap<string, ReplicaFact>;

export interface FactsPage {
  readonly facts: readonly ReplicaFact[];
  /** Where the next page begins; undefined: this is the last one. */
  readonly next?: number | undefined;
}

/** Facts of one answer: some 400 KB. */
export const factsPerPage = 4_000;

type Replicas = Iterable<readonly [key: string, { readonly replica: ReplicaLog | undefined }]>;

/** What there is of all partitions, from a place on. */
export function factsPage(replicas: Replicas, place: number): FactsPage {
  const facts: ReplicaFact[] = [];
  let at = -1;
  for (const [key, { replica }] of replicas) {
    at += 1;
    if (at < place || replica === undefined) continue;
    if (facts.length === factsPerPage) return { facts, next: at };
    const { logStart, end, log } = replica;
    facts.push({ key, logStart, end, sizeBytes: log.sizeBytes });
  }
  return { facts };
}

const callName = "replica-facts";
const answerTimeoutMs = 2_000;

export interface FactsParts {
  readonly cluster: Cluster;
  readonly links: PeerLinks;
  readonly log: Log;
  /** This node's own, from a place on. */
  readonly factsFrom: (place: number) => FactsPage;
}

/** What nodes have of partitions, asked of each. */
export class ReplicaFacts {
  readonly #parts: FactsParts;

  /** From here on other nodes may ask this one. */
  constructor(parts: FactsParts) {
    this.#parts = parts;
    parts.links.serve(callName, (_from, body) => {
      const { facts, next } = parts.factsFrom(readJson<number>(body));
      const rows = facts.map(({ key, logStart, end, sizeBytes }): FactRow => {
        return [key, logStart, end, sizeBytes];
      });
      return Promise.resolve(writeJson({ rows, next }));
    });
  }

  /** By node's id, of those that are up and answer. */
  async askAll(): Promise<ReadonlyMap<number, NodeFacts>> {
    const { cluster, log } = this.#parts;
    const asked = cluster.image.nodes.map(async ({ id }) => {
      try {
        return [[id, await this.#ask(id)] as const];
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        log.warn("a node did not say what it holds", { nodeId: id, why });
        return [];
      }
    });
    return new Map((await Promise.all(asked)).flat());
  }

  async #ask(nodeId: number): Promise<NodeFacts> {
    const found = new Map<string, ReplicaFact>();
    let place: number | undefined = 0;
    while (place !== undefined) {
      const body = writeJson(place);
      const answer = await this.#parts.links.call(nodeId, callName, body, answerTimeoutMs);
      const page = readJson<{ rows: FactRow[]; next?: number }>(answer);
      for (const [key, logStart, end, sizeBytes] of page.rows) {
        found.set(key, { key, logStart, end, sizeBytes });
      }
      place = page.next;
    }
    return found;
  }
}

type FactRow = readonly [key: string, logStart: number, end: number, sizeBytes: number];
