import type { ClientFigures } from "../checks/client-figures.ts";
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
  readonly clients: readonly ClientFigures[];
  /** Clients that the machine lacks. */
  readonly absent: readonly string[];
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
    "Idempotent producers (acks=all, min.insync.replicas=2, three replicas, `fsync` and `os`):",
    "five of kafkajs, two of kcat (librdkafka), one of Java for two partitions, and one of ours",
    "with five batches under way; a writer and a reader over HTTP that change the node with each",
    "call; two readers of kcat from the beginning on; and a consumer group with two members each",
    "of kafkajs, which reads everything, of kcat and of Java, which read their own topics.",
    "",
    "| | |",
    "|---|---|",
    `| records acknowledged | ${facts.acknowledged} |`,
    `| group commits acknowledged | ${facts.commits} |`,
    `| complaints of all checkers | ${found.length} |`,
    `| nemeses this machine can not do | ${impossible} |`,
    `| clients this machine lacks | ${facts.absent.join(", ") || "none"} |`,
    "",
    "| client | acknowledged | lost | twice | commits answered | readers started anew |",
    "|---|---|---|---|---|---|",
    ...facts.clients.map(rowOfClient),
    "",
    "*Started anew*: a reader or member that gave up by itself. kcat commits by itself and tells",
    "of no answer; what is committed of its group is looked at twice a second, as of the others.",
    "What librdkafka and Java are set to: a request is given up after 5 s and a connection after",
    "2 s, backoff is 1 s at most, sessions are 10 s (test/fault/load/client-settings.ts). kcat is",
    "told not to end when no node can be reached for a moment (`-E`).",
    "",
    "After each strike, and over everything at the end: no acknowledged record is lost, doubled,",
    "torn or out of order; every replica is the same bytes; every writer is answered again within",
    "30 s and every chain whole within 60 s. At the end: every record reached a member of every",
    "group of its topic, what is committed never went back, Java's members had each partition in",
    "order, and the readers of HTTP and of kcat saw the log as it is stored, each record once.",
    "",
    "*Gap*: the longest silence of any writer, and whose it was; its client's own timeouts of up",
    "to 5 s are in it.",
    "*Recovery*: from the end of the fault until all chains are whole and all writers answered.",
    "",
    "| nemesis | strikes | gap p50 ms | max ms | of | recovery p50 ms | max ms |",
    "|---|---|---|---|---|---|---|",
    ...rowsOf(strikes),
    "",
    ...(found.length === 0 ? [] : ["## Complaints", "", ...found.map((line) => `- ${line}`), ""]),
  ].join("\n");
}

function rowOfClient(figures: ClientFigures): string {
  const { client, acknowledged, lost, twice, commits, restarts } = figures;
  return `| ${[client, acknowledged, lost, twice, commits, restarts].join(" | ")} |`;
}

function rowsOf(strikes: readonly Strike[]): string[] {
  const byNemesis = Map.groupBy(strikes, ({ nemesis }) => nemesis);
  return [...byNemesis].map(([name, own]) => {
    const gaps = own.map(({ gapMs }) => gapMs);
    const recoveries = own.map(({ recoveryMs }) => recoveryMs);
    const longest = own.reduce((most, one) => (one.gapMs > most.gapMs ? one : most));
    const gap = [median(gaps), longest.gapMs, longest.slowest];
    const figures = [...gap, median(recoveries), Math.max(...recoveries)];
    return `| ${name} | ${own.length} | ${figures.join(" | ")} |`;
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) / 2)] ?? 0;
}
