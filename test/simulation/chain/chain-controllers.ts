import type { ReplicaAsk } from "../../../src/replication/chain-effect.ts";
import { nextEpoch, type ChainChange } from "../../../src/replication/controller/chain-change.ts";
import { ChainController } from "../../../src/replication/controller/chain-controller.ts";
import type { ChainAsk } from "../../../src/replication/controller/chain-ask.ts";
import type { TopicRules } from "../../../src/replication/controller/controlled-node.ts";
import { ControllerImage } from "../../../src/replication/controller/controller-image.ts";
import { startUnclean } from "../../../src/replication/controller/return-rules.ts";
import type { ChainNode } from "./chain-node.ts";
import type { World } from "./chain-world.ts";
import type { StoreView } from "./store.ts";

const key = "chains/t/0";
const options = {
  joinsPerNodeMax: 2,
  changesMax: 10,
  looksMax: 10,
  headsAtOnceMax: 0,
  preferredAfterMs: 1_000_000,
  returnWaitMs: 3,
  othersComeUntilMs: 0,
  othersStartUntilMs: 0,
  unheardMs: 50,
  handOverMs: 60,
  restMs: 4,
  restoredRestMs: 10,
  suspectMs: 10,
};

interface Controller {
  image: ControllerImage;
  controller: ChainController;
  view: StoreView;
}

/** Two nodes that both take themselves for the controller, on images that are old. */
export class ChainControllers {
  readonly #world: World;
  readonly #all: Controller[];
  #asks: ChainAsk[] = [];
  #questions: { controller: Controller; nodeId: number }[] = [];
  changeCount = 0;

  constructor(world: World) {
    this.#world = world;
    this.#all = [0, 1].map((selfId) => {
      const image = new ControllerImage();
      const controller = new ChainController(image, { ...options, selfId });
      return { image, controller, view: world.store.view() };
    });
    for (const one of this.#all) {
      one.image.setTopic("t", rulesOf(world));
      this.#see(one);
    }
  }

  /** What a node sends to the controller: it may be lost. */
  hear(node: ChainNode, ask: ReplicaAsk): void {
    if (this.#world.chance.is(0.2)) return;
    this.#asks.push({ ...ask, key, from: node.member });
    if (this.#asks.length > 20) this.#asks.shift();
  }

  // In a play: one of the two, 1 or 2

  look(one: number): void {
    this.#see(this.#all[one - 1] as Controller);
  }

  /** Knows what was asked so far, and the store as it last looked. */
  decide(at: number): void {
    const one = this.#all[at - 1] as Controller;
    for (const ask of this.#asks) one.controller.ask(ask, this.#world.store.now);
    one.image.mark(key);
    const { changes } = one.controller.decide(this.#world.store.now);
    for (const change of changes) this.#write(one, change, false);
  }

  /** Both hear that `from` has dialed `suspect`, and nobody listened. */
  refused({ member: suspect }: ChainNode, { member: from }: ChainNode): void {
    const nowMs = this.#world.store.now;
    for (const { controller } of this.#all) controller.refused({ suspect, from }, nowMs);
  }

  /** Somebody starts the chain from a node that may lack something. */
  handTo({ id }: ChainNode): void {
    const [one] = this.#all;
    if (one === undefined) return;
    this.#see(one);
    this.#startUncleanFrom(one, id);
  }

  step(): void {
    const { chance } = this.#world;
    // In the end there is one.
    const one = this.#world.isHealing ? (this.#all[0] as Controller) : chance.of(this.#all);
    if (chance.is(0.5)) return this.#see(one);
    this.#dial();
    this.#takeAsk(one);
    this.#takeAnswer(one);
    // It looks at every chain now and then.
    one.image.mark(key);
    const { changes, questions } = one.controller.decide(this.#world.store.now);
    for (const change of changes) this.#write(one, change, false);
    for (const { nodeId } of questions) this.#questions.push({ controller: one, nodeId });
    if (this.#questions.length > 20) this.#questions.splice(0, 10);
  }

  /** What dials find: one that is down refuses them, and so does something on the way. */
  refuse(suspect: ChainNode): void {
    const { chance, nodes, store } = this.#world;
    const from = chance.of(nodes);
    if (!from.isUp || store.findLive(suspect.id) === undefined) return;
    for (const { controller } of this.#all) {
      const refusal = { suspect: suspect.member, from: from.member };
      if (chance.is(0.7)) controller.refused(refusal, store.now);
    }
  }

  #see(one: Controller): void {
    const { image } = one;
    const before = one.view;
    one.view = this.#world.store.view();
    for (const [id] of before.live) if (!one.view.live.has(id)) image.removeNode(id);
    for (const [id, { incarnation, lineage, revision }] of one.view.live) {
      const lineages = { fsync: lineage, os: lineage };
      image.setNode({ id, incarnation, lineages, revision, isDraining: false });
    }
    image.setChain({ key, revision: one.view.revision, config: one.view.config });
    if (before.revision === one.view.revision) one.controller.retry(key);
  }

  /** Whoever dials a node learns whether it is there. */
  #dial(): void {
    const { chance, nodes } = this.#world;
    const node = chance.of(nodes);
    if (!node.isUp) return this.refuse(node);
    // In the end nobody dials: what was believed wrongly has to be forgotten.
    if (this.#world.isHealing || chance.is(0.8)) return;
    for (const { controller } of this.#all) {
      controller.linked(node.member);
      controller.unlinked(node.member);
    }
  }

  /** An ask may come late, and again. */
  #takeAsk({ controller }: Controller): void {
    const { chance } = this.#world;
    if (this.#asks.length === 0) return;
    const ask = chance.of(this.#asks);
    if (chance.is(0.8)) this.#asks.splice(this.#asks.indexOf(ask), 1);
    controller.ask(ask, this.#world.store.now);
  }

  #takeAnswer({ controller }: Controller): void {
    const { nodes, store } = this.#world;
    const mine = this.#questions.findIndex(
      (question) => question.controller.controller === controller,
    );
    const [question] = mine < 0 ? [] : this.#questions.splice(mine, 1);
    const node = question === undefined ? undefined : nodes[question.nodeId];
    if (node === undefined || !node.isUp || store.findLive(node.id) === undefined) return;
    // Also where compaction took that record: decision 51 says what becomes of it otherwise.
    const { lastEpoch, end: endOffset } = node.log;
    controller.tell({ key, from: node.member, lastEpoch, endOffset });
  }

  #write(one: Controller, change: ChainChange, isByHand: boolean): void {
    const { store, judge, nodes } = this.#world;
    const areSame = change.nodes.every(({ id, revision }) => {
      return (store.findLive(id)?.revision ?? 0) === revision;
    });
    const { config } = change;
    const isUnclean = /^unclean start|all lost something$/.test(change.reason);
    const chosen = nodes[config.members[0]?.id ?? -1];
    if (!areSame || !store.write(change.revision, config)) return one.controller.retry(key);
    this.changeCount += 1;
    judge.configured(one.view, config);
    this.#world.say(`controller: ${show(config)} (${change.reason})`);
    if (isUnclean && chosen !== undefined) {
      judge.startUnclean(chosen, config.epoch, isByHand);
      this.#world.forgetClients();
    }
    judge.checkMembers();
  }

  // What people do, or a controller that is wrong about a node

  /** A member is cut although nothing is the matter with it. */
  cutLive(): void {
    const one = this.#looking();
    const { config } = one.view;
    const victim = this.#world.chance.of(config.members);
    const isAnotherUp = config.members.some(({ id, incarnation }) => {
      return id !== victim.id && one.view.live.get(id)?.incarnation === incarnation;
    });
    if (!isAnotherUp) return;
    const members = config.members.filter((member) => member !== victim);
    this.#write(one, this.#change(one, nextEpoch(config, { members }), "cut a live one"), false);
  }

  cancelJoin(): void {
    const one = this.#looking();
    const { config } = one.view;
    if (config.joining.length === 0) return;
    this.#write(one, this.#change(one, nextEpoch(config, { joining: [] }), "cancelled"), false);
  }

  /** A second joiner is named, which waits for its turn. */
  nameJoiner(): void {
    const one = this.#looking();
    const { config, live } = one.view;
    const named = new Set([...config.members, ...config.joining].map(({ id }) => id));
    const stranger = [...live].find(([id]) => !named.has(id));
    if (stranger === undefined || config.joining.length === 0) return;
    const [id, { incarnation, lineage }] = stranger;
    const joining = [...config.joining, { id, incarnation, lineage }];
    this.#write(one, this.#change(one, { ...config, joining }, "one more joins"), false);
  }

  headLeaves(): void {
    const one = this.#looking();
    const { config } = one.view;
    const [head, ...others] = config.members;
    if (head === undefined || others.length === 0) return;
    const preferred = this.#world.chance.of(others).id;
    const replicas = [preferred, ...config.replicas.filter((id) => id !== preferred)];
    this.#write(one, this.#change(one, { ...config, replicas }, "preferred"), false);
    one.controller.prefer(key);
  }

  startUnclean(): void {
    const one = this.#looking();
    const { live } = one.view;
    if (live.size > 0) this.#startUncleanFrom(one, this.#world.chance.of([...live.keys()]));
  }

  /** When nothing goes on without a hand, it starts from the longest log that is left. */
  helpOut(): void {
    const one = this.#looking();
    if (one.controller.stuck.size === 0) return;
    const ids = one.view.config.members.map(({ id }) => id).filter((id) => one.view.live.has(id));
    const ends = ids.map((id) => this.#world.nodes[id]?.log.end ?? 0);
    const longest = ids[ends.indexOf(Math.max(...ends))];
    if (longest !== undefined) this.#startUncleanFrom(one, longest);
  }

  #startUncleanFrom(one: Controller, id: number): void {
    const { config, revision, live } = one.view;
    const isUp = config.members.some((member) => {
      return live.get(member.id)?.incarnation === member.incarnation;
    });
    if (isUp || !this.#world.nodes[id]?.isUp) return;
    const chain = { key, revision, config };
    const situation = { leased: one.image.leased, topic: rulesOf(this.#world) };
    const from = { id, incarnation: live.get(id)?.incarnation ?? "" };
    this.#write(one, startUnclean(chain, { from, lastEpoch: config.epoch }, situation), true);
  }

  #looking(): Controller {
    const one = this.#world.chance.of(this.#all);
    if (this.#world.chance.is(0.7)) this.#see(one);
    return one;
  }

  #change({ view }: Controller, config: StoreView["config"], reason: string): ChainChange {
    return { key, revision: view.revision, config, reason, nodes: [] };
  }
}

function rulesOf({ durability, minInsyncReplicas }: World): TopicRules {
  const rules = { partitions: 1, allowsUnclean: true, isEverywhere: false };
  return { ...rules, durability, minInsyncReplicas };
}

export function show({ epoch, members, joining, leaving }: StoreView["config"]): string {
  const names = (list: typeof members): string =>
    list.map(({ id, incarnation }) => `${"ABCDEFGH"[id]}${incarnation}`).join(",");
  const joins = joining.length === 0 ? "" : ` joining ${names(joining)}`;
  return `epoch ${epoch} [${names(members)}]${joins}${leaving.length === 0 ? "" : " leaving"}`;
}
