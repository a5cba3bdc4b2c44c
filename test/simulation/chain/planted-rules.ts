import type { Plant } from "../plant-faults.ts";

export interface PlantedRule {
  /** As in docs/cluster-protocol.md. */
  readonly rule: string;
  /** What the product does without it. */
  readonly without: string;
  readonly plants: readonly Plant[];
  /** In `scenarios/`: it goes otherwise then. */
  readonly scenario?: string;
}

const at = (file: string, text: string, instead: string): Plant => ({ file, text, instead });
const replica = "replication/chain-replica.ts";
const followers = "replication/followers.ts";
const joining = "replication/joining.ts";
const upstream = "replication/upstream.ts";
const downstream = "replication/downstream.ts";
const slot = "replication/successor-slot.ts";
const failures = "controller/failure-rules.ts";

/** Faults that schedules in their thousands find. */
export const plantedRules: readonly PlantedRule[] = [
  {
    rule: "held-min",
    scenario: "held-min.txt",
    without: "a replica answers for what is behind it and not for itself",
    plants: [
      at(
        followers,
        "least = leastOf(least, this.successor.acknowledged);",
        "least = this.successor.acknowledged;",
      ),
    ],
  },
  {
    rule: "incarnation",
    scenario: "restart.txt",
    without: "a node that starts again takes its place in the chain",
    plants: [
      at(
        "replication/member.ts",
        "return left.id === right.id && left.incarnation === right.incarnation;",
        "return left.id === right.id;",
      ),
    ],
  },
  {
    rule: "lineage",
    scenario: "lineage.txt",
    without: "whoever comes back with a member's id counts as whole",
    plants: [
      at(
        "controller/controlled-node.ts",
        "if (member.lineage === node.lineages.os) return true;",
        "return true;",
      ),
    ],
  },
  {
    rule: "keep-all-down",
    scenario: "keep-all-down.txt",
    without: "all but one are cut while none is up",
    plants: [
      at(
        failures,
        "if (members.length === 0 || members.length",
        "if (members.length === 0) members.push(config.members.at(-1) as Member);\n" +
          "  if (members.length",
      ),
    ],
  },
  {
    rule: "cas",
    scenario: "cas.txt",
    without: "the last write to the chain's entry wins",
    plants: [
      at("chain/store.ts", "if (expected !== this.revision) return false;", "void expected;"),
    ],
  },
  {
    rule: "withhold",
    scenario: "join.txt",
    without: "a tail that asks goes on acknowledging alone",
    plants: [at(followers, "if (this.#joining.isWithholding) least", "if (false) least")],
  },
  {
    rule: "cancel-epoch",
    scenario: "cancel-epoch.txt",
    without: "a join is cancelled within the epoch, and the tail stops withholding",
    plants: [
      at(failures, "nextEpoch(config, { joining }),", "{ ...config, joining },"),
      at(
        "chain/chain-controllers.ts",
        'nextEpoch(config, { joining: [] }), "cancelled"',
        '{ ...config, joining: [] }, "cancelled"',
      ),
      at(
        joining,
        "this.#withholdWhenNear();\n",
        "if (this.#slot.member === undefined) this.#isWithholding = false;\n" +
          "this.#withholdWhenNear();\n",
      ),
    ],
  },
  {
    rule: "joiner-holds",
    scenario: "join-cancelled.txt",
    without: "a tail asks as soon as the joiner is near",
    plants: [at(joining, " || !this.#isComplete()) return;", ") return;")],
  },
  {
    rule: "joiner-floor",
    scenario: "joiner-floor.txt",
    without: "what was acknowledged before is not asked of the joiner",
    plants: [
      at(
        joining,
        "this.#endBefore = this.#core.marks.end;\n    this.#acknowledged",
        "this.#acknowledged",
      ),
      at(joining, "Math.max(this.#floor, committed);", "committed;"),
      at(followers, "this.#joining.acknowledge(told);", "void told;"),
    ],
  },
  {
    rule: "joiner-shook",
    scenario: "divergence.txt",
    without: "a joiner acknowledges before it has truncated",
    plants: [
      at(
        upstream,
        'if (this.#state !== "ready") return;\n    const { written',
        'if (this.#state === "none" || this.#state === "shaking") return;\n    const { written',
      ),
      at(downstream, "if (ownWritten > this.#next) return false;", "void ownWritten;"),
    ],
  },
  {
    rule: "joiner-durable",
    scenario: "join.txt",
    without: "a joiner acknowledges what it has received",
    plants: [
      at(
        followers,
        "let least: ChainMarks = this.#core.marks;",
        "const { end, logStart } = this.#core.marks;\n" +
          'let least: ChainMarks = this.#core.role === "joiner"' +
          " ? { written: end, flushed: end, logStart } : this.#core.marks;",
      ),
    ],
  },
  {
    rule: "divergence",
    scenario: "divergence.txt",
    without: "streaming resumes at the smaller end",
    plants: [
      at(downstream, "Math.max(offset, equalBelow(core, hello))", "Math.min(end, core.marks.end)"),
    ],
  },
  {
    rule: "epoch-table",
    scenario: "divergence.txt",
    without: "an epoch is noted at the end of the log when it is adopted",
    plants: [
      at(
        "chain/chain-node.ts",
        "epochs: () => log.epochs(),",
        "epochs: () => [...log.epochs().filter(({ epoch }) => epoch !== this.replica.epoch)," +
          " { epoch: this.replica.epoch, endOffset: log.end }],",
      ),
    ],
  },
  {
    rule: "epoch-check",
    scenario: "epoch-check.txt",
    without: "an Append that fits the end is taken, whatever its epoch",
    plants: [
      at(
        upstream,
        'if (this.#state !== "ready" || !this.#isOfSession(link, message)) return;',
        "if (link !== this.#link) return;\n this.#expected = this.#core.marks.end;",
      ),
    ],
  },
  {
    rule: "dup-wait",
    scenario: "dup-wait.txt",
    without: "a retry is answered although the original is not committed",
    plants: [
      at(
        "chain/chain-client.ts",
        "return node.answer(node.replica.marks.committed);",
        "return node.answer(Infinity);",
      ),
    ],
  },
  {
    rule: "producer-truncate",
    scenario: "producer-truncate.txt",
    without: "what a producer has sent is still known when its record is truncated",
    plants: [
      at(
        "chain/model-log.ts",
        "this.producers = this.#producersOf();\n  }\n\n  /** Everything",
        "}\n\n  /** Everything",
      ),
    ],
  },
  {
    rule: "latest-known",
    scenario: "new-head.txt",
    without: "a new head tells the latest offset at once",
    plants: [at(replica, "&& this.marks.committed >= this.#floor", "")],
  },
  {
    rule: "min-insync",
    scenario: "min-insync.txt",
    without: "a chain that is too short commits",
    plants: [at(replica, "return this.#isTooShort ?", "return nowMs < 0 ?")],
  },
  {
    rule: "lease-margin",
    scenario: "lease-margin.txt",
    without: "a lease is counted from the answer to its keep-alive",
    plants: [
      at(
        "chain/chain-node.ts",
        "leaseHoldsUntil(sent, ttlMs)",
        "leaseHoldsUntil(this.localNow, ttlMs)",
      ),
    ],
  },
  {
    rule: "commit-leased",
    scenario: "commit-leased.txt",
    without: "a head whose lease is gone goes on committing",
    plants: [at(replica, "!isAble || !this.ports.lease.holds(nowMs)", "!isAble")],
  },
  {
    rule: "unclean-mark",
    scenario: "unclean-mark.txt",
    without: "an unclean start is not recorded",
    plants: [at("controller/return-rules.ts", "leaving: [], unclean: epoch };", "leaving: [] };")],
  },
  {
    rule: "cut-stalled",
    scenario: "cut-stalled.txt",
    without: "who lives is never cut",
    plants: [at(failures, "if (stalled === undefined || config", "if (stalled !== null || config")],
  },
  {
    rule: "gone-returns",
    scenario: "gone-returns.txt",
    without: "who was taken for gone is so for ever",
    plants: [
      at("controller/suspicions.ts", "!isHeard || nowMs - atMs > this.#lastsMs", "!isHeard"),
    ],
  },
  {
    rule: "log-start",
    scenario: "log-start.txt",
    without: "a deleted beginning hides that two logs are equal",
    plants: [at(downstream, ", equalBelow(core, hello))", ", 0 * equalBelow(core, hello))")],
  },
  {
    rule: "log-start-heard",
    scenario: "log-start-heard.txt",
    without: "what a head deleted that was cut out at once stays in the other logs",
    plants: [at(replica, "this.#deleteBelow(logStartMax);", "void logStartMax;")],
  },
  {
    rule: "log-start-heard",
    without: "a log start counts before the log is in step",
    plants: [
      at(
        downstream,
        "const { marks } = core;",
        "const { marks } = core;\n    this.#logStartMax = hello.logStart;",
      ),
    ],
  },
  {
    rule: "log-start-old",
    scenario: "unclean-log-start.txt",
    without: "what was deleted before an unclean start is deleted after it",
    plants: [
      at(downstream, "isOld && logStart > marks.logStart", "isOld && logStart > marks.committed"),
    ],
  },
  {
    rule: "compaction",
    scenario: "compaction-hides-epochs.txt",
    without: "a member stops whose predecessor's records of an epoch compaction took",
    plants: [at(downstream, "ports.mayHaveGaps() && mayBeHidden;", "false;")],
  },
  {
    rule: "compaction",
    without: "a member stops whose predecessor's records compaction took, all of them",
    plants: [at(downstream, "own.length === 0 || mayBeOneLog", "mayBeOneLog")],
  },
  {
    rule: "compaction",
    without: "a joiner stops where compaction hides that it knows what is committed",
    plants: [at(upstream, "(isEmpty || (ports.mayHaveGaps() && mayBeHidden))", "isEmpty")],
  },
  {
    rule: "compaction",
    scenario: "compaction-moves-epochs.txt",
    without: "a joiner keeps what tables agree on where compaction moves epochs",
    plants: [at(upstream, "Math.min(common, end) > known && this.#keepBelow(known)", "false")],
  },
  {
    rule: "compaction",
    without: "a joiner that may have been appended is cut at another handshake",
    scenario: "compaction-hides-epochs.txt",
    plants: [at(downstream, "end <= Math.min(sentEnd, core.marks.end)", "false")],
  },
  {
    rule: "compaction",
    without: "a joiner that may have been appended cuts itself at another handshake",
    plants: [at(upstream, " && message.commonEpoch !== this.#core.epoch;", ";")],
  },
  {
    rule: "compaction",
    without: "what a joiner was sent in an earlier epoch counts in a later one",
    plants: [at(slot, "this.#sentEnd = -1;", "void this.#sentEnd;")],
  },
];

export interface PlantedPlay extends PlantedRule {
  readonly scenario: string;
}

/** Faults that schedules meet once in very many: written schedules find them. */
export const plantedPlays: readonly PlantedPlay[] = [
  {
    rule: "own-committed",
    without: "a replica takes as committed what it has only received",
    scenario: "own-committed.txt",
    plants: [
      at(replica, "heardCommitted, this.marks.held));", "heardCommitted, this.marks.end));"),
    ],
  },
  {
    rule: "checkpoint",
    without: "what is remembered as committed was not flushed",
    scenario: "checkpoint.txt",
    plants: [at("chain/chain-node.ts", "Math.min(this.shown, this.log.flushed);", "this.shown;")],
  },
  {
    rule: "fresh-image",
    without: "a head serves by an image older than its lease",
    scenario: "lease.txt",
    plants: [
      at("replication/lease-term.ts", "&& imageRevision >= sinceRevision", "&& imageRevision >= 0"),
    ],
  },
  {
    rule: "order",
    without: "a replica answers who is behind it before the one ahead has answered it",
    scenario: "order.txt",
    plants: [at(followers, "const isReady = isInStep && this", "const isReady = this")],
  },
  {
    rule: "session",
    without: "an answer to an earlier Hello counts",
    scenario: "repeated-hello-ok.txt",
    plants: [at(upstream, " && session === this.#session;", ";")],
  },
  {
    rule: "stale-reads",
    without: "a replica answers reads as long as its lease holds",
    scenario: "stale-reads.txt",
    plants: [at(replica, "mayServe && (this.#isHead || isHeard)", "mayServe")],
  },
  {
    rule: "slow-tail",
    without: "a replica is blamed for a slow one behind it",
    scenario: "slow-tail.txt",
    plants: [at(slot, "this.#session?.own ?? noMarks", "this.acknowledged")],
  },
  {
    rule: "leave",
    without: "a head that leaves goes on taking writes",
    scenario: "leave.txt",
    plants: [at(replica, "this.#isHead && !this.isLeaving;", "this.#isHead;")],
  },
  {
    rule: "gap",
    without: "an Append that leaves records out is taken",
    scenario: "gap.txt",
    plants: [
      at(upstream, "if (base !== this.#expected && next > this.#expected) {", "if (false) {"),
    ],
  },
];
