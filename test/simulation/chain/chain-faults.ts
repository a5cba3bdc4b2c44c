import type { ChainNode } from "./chain-node.ts";
import { ttlMs } from "./chain-times.ts";
import type { World } from "./chain-world.ts";

export const faultKinds = [
  "a process dies",
  "a machine dies",
  "a disk is lost",
  "start",
  "a connection is cut",
  "connections heal",
  "the coordinator is out of reach",
  "a write with acks=1",
  "an unclean start, or time passes",
  "a live member is cut",
  "a join is cancelled",
  "a second joiner is named",
  "a head leaves",
] as const;
/** As often as the seed says, so that what else is drawn stays as it is in written schedules. */
export const refusedDials = "dials are refused";

type Strike = (typeof faultKinds)[number] | typeof refusedDials;
export type FaultKind = Strike | "a message comes twice";

/** Something goes wrong, or is done to the chain. */
export function strike(world: World, node: ChainNode): void {
  const kind = world.chance.of(world.traits.kinds);
  if (act(world, node, kind)) world.count(kind);
}

/** Answers whether anything has come of it. */
function act(world: World, node: ChainNode, kind: Strike): boolean {
  switch (kind) {
    case "a process dies":
      return node.isUp && crash(world, node, "process");
    case "a machine dies":
      return node.isUp && crash(world, node, "machine");
    case "a disk is lost":
      return node.isUp && losesDisk(world) && crash(world, node, "disk");
    case "start":
      return start(world);
    case "a connection is cut":
      return cut(world);
    case "connections heal":
      world.blocked.clear();
      return true;
    case "the coordinator is out of reach":
      node.isAway = !node.isAway && world.chance.is(0.4);
      world.say(`${node.name} ${node.isAway ? "loses" : "has"} the coordinator`);
      return true;
    case "a write with acks=1":
      return writeOne(world, node);
    case "an unclean start, or time passes":
      return startUncleanOrWait(world);
    case "a live member is cut":
      return done(() => world.controllers.cutLive());
    case refusedDials:
      for (let dial = 0; dial < 3; dial += 1) world.controllers.refuse(node);
      return node.isUp;
    case "a join is cancelled":
      return done(() => world.controllers.cancelJoin());
    case "a second joiner is named":
      return done(() => world.controllers.nameJoiner());
    case "a head leaves":
      return done(() => world.controllers.headLeaves());
  }
}

function done(change: () => void): true {
  change();
  return true;
}

function losesDisk(world: World): boolean {
  return world.traits.mayLoseDisk && world.chance.is(0.3);
}

export function crash(world: World, node: ChainNode, what: "process" | "machine" | "disk"): true {
  const { log } = node;
  const { chance } = world;
  node.stop();
  // A truncation under way has happened, or it has not.
  if (node.cutting?.kind === "truncate" && chance.is(0.5)) log.truncate(node.cutting.offset);
  node.cutting = undefined;
  for (const wire of world.wires.values()) if (wire.ends.has(node.id)) wire.die(node.id);
  if (what === "process") log.loseMemory();
  else if (what === "machine") losePageCache(world, node);
  else log.loseDisk();
  if (world.isCompacted && chance.is(0.1)) log.loseEpochs();
  if (what === "disk") node.checkpoint = 0;
  if (what === "disk" || (what === "machine" && world.durability === "os")) {
    node.lineage = world.fresh();
    world.judge.lossCount += 1;
  }
  world.say(`${node.name} dies (${what}), ${log.end} left`);
  return true;
}

/** What was flushed stays, and what the page cache wrote by itself: in the order it was written. */
function losePageCache(world: World, { log }: ChainNode): void {
  const comesBack = log.isShrunk && world.chance.is(0.5);
  if (comesBack) log.comeBack();
  else log.losePageCache(world.chance.between(log.flushed, log.written));
}

function start(world: World): boolean {
  const down = world.nodes.filter(({ isUp }) => !isUp);
  if (down.length === 0) return false;
  world.restart(world.chance.of(down));
  return true;
}

function cut(world: World): boolean {
  if (world.wires.size === 0) return false;
  const [pair, wire] = world.chance.of([...world.wires]);
  world.close(wire);
  if (world.chance.is(0.3)) world.blocked.add(pair);
  world.say(`the connection ${pair} is cut`);
  return true;
}

/** To any node that takes itself for the head. */
function writeOne(world: World, node: ChainNode): boolean {
  if (node.refuses(1)) return false;
  world.judge.serving(node);
  world.say(`${node.name}: acks=1 at ${node.log.end}`);
  node.append(0, 0);
  return true;
}

function startUncleanOrWait(world: World): boolean {
  const { chance, controllers, store, traits } = world;
  if (traits.mayStartUnclean && chance.is(0.3)) controllers.startUnclean();
  else if (chance.is(0.2)) store.now += ttlMs * chance.next();
  return true;
}
