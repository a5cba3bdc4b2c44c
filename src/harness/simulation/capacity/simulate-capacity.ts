import { sharesOf } from "../../../replication/placement/shares.ts";
import {
  endOfNode,
  joinOfNodes,
  leaveOfNode,
  powerCut,
  returnOfHeads,
  returnOfNode,
  type CapacityEvent,
} from "./capacity-events.ts";
import { heldBytes } from "./held-bytes.ts";
import { IdealCluster, type CapacityOptions } from "./ideal-cluster.ts";

export interface CapacityReport {
  readonly options: CapacityOptions;
  /** Placing all partitions of all topics. */
  readonly placeMs: number;
  readonly imageBytes: number;
  readonly storedBytes: number;
  readonly events: readonly CapacityEvent[];
  /** What is wrong at the end; empty: nothing. */
  readonly complaints: readonly string[];
}

/** The life of a large cluster: failures and rebalances, and what they cost the controller. */
export function simulateCapacity(options: CapacityOptions): CapacityReport {
  const before = heldBytes();
  const startedMs = performance.now();
  const cluster = new IdealCluster(options);
  cluster.addTopics(options);
  const placeMs = performance.now() - startedMs;
  const imageBytes = heldBytes() - before;
  const storedBytes = cluster.storedBytes();
  cluster.settle();
  const rack = cluster.seats.filter((seat) => seat.rack === cluster.seats[0]?.rack);
  const rackIds = rack.map(({ id }) => id);
  const events = [
    endOfNode(cluster, [1]),
    returnOfNode(cluster, [1]),
    returnOfHeads(cluster),
    endOfNode(cluster, rackIds),
    returnOfNode(cluster, rackIds),
    returnOfHeads(cluster),
    powerCut(cluster),
    returnOfHeads(cluster),
    joinOfNodes(cluster, 1),
    joinOfNodes(cluster, Math.ceil(options.nodes / 10)),
    leaveOfNode(cluster, 2),
  ];
  return { options, placeMs, imageBytes, storedBytes, events, complaints: complaintsOf(cluster) };
}

export function capacityLines(report: CapacityReport): string[] {
  const { options, placeMs, imageBytes, storedBytes, events, complaints } = report;
  const { nodes, partitions, replicas, racks } = options;
  const each = (bytes: number): string => (bytes / partitions).toFixed(0);
  return [
    `${nodes} nodes on ${racks} racks, ${partitions} partitions of ${replicas} replicas, ` +
      `placed in ${placeMs.toFixed(0)} ms`,
    `the controller holds ${megabytes(imageBytes)} MB (${each(imageBytes)} bytes a partition), ` +
      `the coordinator ${megabytes(storedBytes)} MB (${each(storedBytes)} bytes a partition)`,
    "",
    "| event | chains | changes | transactions | written | deciding | longest | plan |",
    "|---|---|---|---|---|---|---|---|",
    ...events.map(rowOf),
    ...complaints.map((text) => `WRONG: ${text}`),
  ];
}

function rowOf({ name, chains, work, plan }: CapacityEvent): string {
  const made =
    plan === undefined
      ? ""
      : `${plan.ms.toFixed(0)} ms, ${plan.copies} copies, ${(plan.sizeBytes / 1e9).toFixed(1)} GB`;
  const { changes, transactions, writtenBytes, decideMs, longestMs } = work;
  const written = `${megabytes(writtenBytes)} MB`;
  const cells = [name, chains, changes, transactions, written, `${decideMs.toFixed(0)} ms`];
  return `| ${[...cells, `${longestMs.toFixed(1)} ms`, made].join(" | ")} |`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** Everything is as it is assigned, with its preferred head, and even. */
function complaintsOf(cluster: IdealCluster): string[] {
  const complaints: string[] = [];
  for (const { key, config } of cluster.image.chains()) {
    const ids = config.members.map(({ id }) => id);
    const isWhole =
      ids.length === config.replicas.length && config.replicas.every((id) => ids.includes(id));
    const isQuiet = config.joining.length + config.leaving.length === 0;
    if (!isWhole || !isQuiet || config.target !== undefined) complaints.push(`${key} is not whole`);
    else if (ids[0] !== config.replicas[0]) complaints.push(`${key} has another head`);
  }
  const valid = cluster.seats.filter(({ state }) => state === "valid");
  const shares = sharesOf(cluster.placed(), [], valid);
  for (const { id, rack } of valid) {
    // Replicas of one partition are on different racks: nodes are even within theirs.
    const racks = shares.filter(
      (share) => valid.find((seat) => seat.id === share.id)?.rack === rack,
    );
    const own = shares.find((share) => share.id === id);
    for (const kind of ["replicaShare", "sizeShare"] as const) {
      const sum = racks.reduce((total, { now }) => total + now[kind], 0);
      const part = ((own?.now[kind] ?? 0) * racks.length) / sum;
      if (Math.abs(part - 1) > 0.1) complaints.push(`${kind} of node ${id} is ${part} of even`);
    }
  }
  return complaints.slice(0, 20);
}
