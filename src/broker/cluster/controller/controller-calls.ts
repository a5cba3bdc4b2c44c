import { XylemError } from "../../../base/errors.ts";
import type { ChainAsk, Life, LogEnd } from "../../../replication/controller/chain-ask.ts";
import type { LogEndQuestion } from "../../../replication/controller/chain-controller.ts";
import type { PeerLinks } from "../../ports/peer-links.ts";
import type { Cluster } from "../cluster.ts";
import { readJson, writeJson } from "../json-body.ts";
import type { Controller } from "./controller.ts";

/** Names of calls between nodes. */
const names = {
  ask: "chain-ask",
  logEnds: "log-ends",
  prefer: "prefer-heads",
  refused: "node-refused",
  probe: "node-alive",
} as const;
const answerTimeoutMs = 2_000;
const probeTimeoutMs = 1_000;
const nothing = new Uint8Array(0);

export interface ControllerCallsOptions {
  readonly cluster: Cluster;
  /** Absent where nodes are not linked: only this node itself is asked then. */
  readonly links: PeerLinks | undefined;
  /** Where this node's logs of these chains end. */
  readonly logEnds: (keys: readonly string[]) => readonly LogEnd[];
}

/** What the controller and the members of chains ask each other, be they on one node or on two. */
export class ControllerCalls {
  readonly #options: ControllerCallsOptions;
  #controller: Controller | undefined;

  constructor(options: ControllerCallsOptions) {
    this.#options = options;
    const { links, logEnds } = options;
    links?.serve(names.ask, async (_from, body) => {
      this.#take(readJson<ChainAsk>(body));
      return writeJson(null);
    });
    links?.serve(names.prefer, async (_from, body) => {
      this.#takeWish(readJson<readonly string[]>(body));
      return writeJson(null);
    });
    links?.serve(names.logEnds, async (_from, body) =>
      writeJson(logEnds(readJson<readonly string[]>(body))),
    );
    links?.serve(names.refused, async ({ id, incarnation }, body) => {
      const suspect = readJson<Life>(body);
      const isTaken = this.#controller?.hearRefusal({ suspect, from: { id, incarnation } });
      if (isTaken !== true) throw notInOffice();
      return nothing;
    });
    links?.serve(names.probe, async () => nothing);
  }

  /** The controller of this node, in office or not. */
  attach(controller: Controller): void {
    this.#controller = controller;
  }

  /**
   * Tells the controller what a chain's member asks; who has no answer in its chain's epoch asks
   * again. Throws NOT_CONTROLLER, and what a call between nodes throws.
   */
  async ask(ask: ChainAsk): Promise<void> {
    await this.#tell(names.ask, ask, () => this.#take(ask));
  }

  /**
   * Tells the controller that chains are to have their preferred heads; it may be told again.
   * Throws as `ask`.
   */
  async prefer(keys: readonly string[]): Promise<void> {
    await this.#tell(names.prefer, keys, () => this.#takeWish(keys));
  }

  /** Where a node's logs end. */
  async askLogEnds({ nodeId, keys }: LogEndQuestion): Promise<readonly LogEnd[]> {
    const { cluster, links, logEnds } = this.#options;
    if (nodeId === cluster.nodeId) return logEnds(keys);
    if (links === undefined) return [];
    const body = await links.call(nodeId, names.logEnds, writeJson(keys), answerTimeoutMs);
    return readJson<readonly LogEnd[]>(body);
  }

  async #tell(name: string, body: unknown, takeHere: () => void): Promise<void> {
    const { cluster, links } = this.#options;
    const { controller } = cluster.image;
    if (controller === undefined) throw notInOffice();
    if (controller.id === cluster.nodeId) return takeHere();
    if (links === undefined) throw notInOffice();
    await links.call(controller.id, name, writeJson(body), answerTimeoutMs);
  }

  #takeWish(keys: readonly string[]): void {
    if (this.#controller?.prefer(keys) !== true) throw notInOffice();
  }

  /** Tells the controller that nobody listens where a node is registered; throws as `ask`. */
  async tellRefusal(suspect: Life): Promise<void> {
    const { cluster, links } = this.#options;
    const { controller } = cluster.image;
    // The controller hears of it by its own links.
    if (controller?.id === cluster.nodeId || controller?.id === suspect.id) return;
    if (controller === undefined || links === undefined) throw notInOffice();
    await links.call(controller.id, names.refused, writeJson(suspect), answerTimeoutMs);
  }

  /** As `probeNode`. */
  probe(nodeId: number): void {
    const { links } = this.#options;
    if (links !== undefined) probeNode(links, nodeId);
  }

  #take(ask: ChainAsk): void {
    if (this.#controller?.ask(ask) !== true) throw notInOffice();
  }
}

/** Dials a node, if there is no link; what comes of it the links tell. */
export function probeNode(links: PeerLinks, nodeId: number): void {
  links.call(nodeId, names.probe, nothing, probeTimeoutMs).catch(() => undefined);
}

function notInOffice(): XylemError {
  return new XylemError("NOT_CONTROLLER", "This node is not the controller");
}
