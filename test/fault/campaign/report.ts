import type { Strike } from "./campaign.ts";

/** What a whole run was. */
export interface RunFacts {
  readonly day: string;
  readonly commit: string;
  readonly minutes: number;
  readonly seed: number;
  readonly etcdMembers: number;
  readonly acknowledged: number;
  readonly commits: number;
  readonly impossible: readonly string[];
  readonly strikes: readonly Strike[];
  /** What was found wrong at the end. */
  readonly complaints: readonly string[];
}

/** The report of a run, as a page. */
export function formatReport(facts: RunFacts): string {
  const { strikes, complaints } = facts;
  const found = [...strikes.flatMap((strike) => strike.complaints), ...complaints];
  const impossible = facts.impossible.length === 0 ? "none" : facts.impossible.join("; ");
  const nemeses = new Set(strikes.map(({ nemesis }) => nemesis)).size;
  return [
    `# Faults under load, ${facts.day}`,
    "",
    `Three nodes, each in a network namespace of its own, on etcd with ${facts.etcdMembers}`,
    `members, for ${facts.minutes} minutes under ${strikes.length} strikes of ${nemeses} nemeses`,
    `in the order of seed ${facts.seed}, at commit ${facts.commit}.`,
    "Five idempotent kafkajs producers (acks=all,",
    "min.insync.replicas=2, three replicas, `fsync` and `os`), one with five batches under way,",
    "one writer and one reader over HTTP that change the node with each call, and two members of",
    "a consumer group that commit.",
    "",
    "| | |",
    "|---|---|",
    `| records acknowledged | ${facts.acknowledged} |`,
    `| group commits acknowledged | ${facts.commits} |`,
    `| complaints of all checkers | ${found.length} |`,
    `| nemeses this machine can not do | ${impossible} |`,
    "",
    "After each strike, and over everything at the end: no acknowledged record is lost, doubled,",
    "torn or out of order; every replica is the same bytes; every writer is answered again within",
    "30 s and every chain whole within 60 s. At the end: every record reached a member of the",
    "group, what is committed never went back, and the HTTP reader saw the log as it is stored.",
    "",
    "*Gap*: the longest silence of any writer, its client's own timeouts of up to 5 s included.",
    "*Recovery*: from the end of the fault until all chains are whole and all writers answered.",
    "",
    "| nemesis | strikes | gap p50 ms | gap max ms | recovery p50 ms | recovery max ms |",
    "|---|---|---|---|---|---|",
    ...rowsOf(strikes),
    "",
    ...(found.length === 0 ? [] : ["## Complaints", "", ...found.map((line) => `- ${line}`), ""]),
  ].join("\n");
}

function rowsOf(strikes: readonly Strike[]): string[] {
  const byNemesis = Map.groupBy(strikes, ({ nemesis }) => nemesis);
  return [...byNemesis].map(([name, own]) => {
    const gaps = own.map(({ gapMs }) => gapMs);
    const recoveries = own.map(({ recoveryMs }) => recoveryMs);
    const figures = [median(gaps), Math.max(...gaps), median(recoveries), Math.max(...recoveries)];
    return `| ${name} | ${own.length} | ${figures.join(" | ")} |`;
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
