import { decimal, flag, integer, listOf, mapOf, object, oneOf, orNull, text } from "./schema.ts";

const sizeBytes = integer({ description: "Of the logs, indexes not counted." });

const share = object({
  replicas: integer(),
  heads: integer({ description: "Partitions of which it is the preferred head." }),
  sizeBytes,
  replicaShare: decimal({ description: "Its part of all replicas, 0 to 1." }),
  sizeShare: decimal({ description: "Its part of all bytes, 0 to 1." }),
});

const nodes = listOf(integer(), { description: "Node ids, the preferred head first." });

export const draftedPlan = object({
  planId: text({ description: "By it the plan is committed." }),
  nodes: listOf(object({ nodeId: integer(), now: share, after: share })),
  moveCount: integer(),
  moves: listOf(
    object({
      topic: text(),
      partition: integer(),
      from: nodes,
      to: nodes,
      sizeBytes: integer({ description: "What it copies." }),
    }),
    { description: "The first 10,000 of them." },
  ),
  leftOut: listOf(integer(), {
    description: "Nodes that wait for a part and get none: they do not answer.",
  }),
  sizeBytes: integer({ description: "What is copied in all." }),
  shrunkCount: integer({ description: "Partitions that lose a replica: nodes are too few." }),
  lostCount: integer({ description: "Partitions that begin anew, empty: who had them is gone." }),
});

export const committedPlan = object({
  planId: text(),
  state: oneOf(["running", "paused", "cancelled", "done"]),
  movesAtOnce: integer(),
  waiting: integer({ description: "Moves that have not begun." }),
  running: integer(),
  done: integer(),
  skipped: integer({ description: "Moves of partitions that are gone or were moved otherwise." }),
  sizeBytes: integer({ description: "What its moves copy." }),
  doneBytes: integer({ description: "What those copy that are done." }),
  awaitedNodes: listOf(integer(), {
    description: "Nodes that are down and without which a move does not go on.",
  }),
});

const nodeStatus = object({
  nodeId: integer(),
  rack: orNull(text()),
  status: oneOf(["joining", "valid", "leaving", "left", "down", "draining"]),
  seat: oneOf(["joining", "valid", "leaving", "left"], {
    description: "What it is while it is neither down nor draining.",
  }),
  weight: decimal(),
  replacement: orNull(integer({ description: "While it leaves: who takes all it has." })),
  isGone: flag({ description: "Whether it was removed as lost with its disk." }),
  isReached: flag({ description: "Whether it answers the controller." }),
  isFull: flag({ description: "Whether its disk takes no appends." }),
  share: decimal({ description: "Its part of all replicas, 0 to 1." }),
  pendingShare: decimal({ description: "The same once the plan has run." }),
  replicas: integer(),
  pendingReplicas: integer(),
  heads: integer({ description: "Partitions that it leads." }),
  keptHeads: integer({ description: "Of these, what no other node that is up can lead." }),
  members: integer({ description: "Chains that it is in." }),
  sizeBytes: orNull(sizeBytes),
  lagRecords: orNull(integer({ description: "Records that its replicas lack." })),
  version: orNull(text()),
  addresses: mapOf(text(), { description: "`host:port` by door." }),
});

export const clusterStatus = object({
  controllerId: integer(),
  nodes: listOf(nodeStatus),
  plan: { anyOf: [committedPlan, { type: "null" }], description: "The last that was committed." },
  stuck: listOf(object({ topic: text(), partition: integer(), why: text() }), {
    description: "Partitions that need a hand.",
  }),
  unreadable: listOf(object({ key: text(), why: text() }), {
    description: "Entries of the coordinator that can not be read, and are left alone.",
  }),
});

export const commitment = object(
  { planId: text({ maxLength: 100 }) },
  {
    movesAtOnce: integer({ minimum: 1, maximum: 10_000, default: 16 }),
    acceptsLoss: flag({
      description: "Whether partitions that nobody has any more may begin anew, empty.",
    }),
  },
);

export const steering = object({ state: oneOf(["running", "paused", "cancelled"]) });

export const nodeChange = object(
  {},
  {
    seat: oneOf(["joining", "leaving"], {
      description: "It waits for a part, or stays; or gives away what it has. By the next plan.",
    }),
    replacement: integer({ minimum: 0, description: "While it leaves: who takes all it has." }),
    isGone: flag({ description: "While it leaves: it is lost with its disk." }),
    weight: decimal({ description: "Its part is its weight's part of the sum of all." }),
    isDraining: flag({
      description: "Whether it gives away what it leads, and stays up. At once.",
    }),
  },
);
