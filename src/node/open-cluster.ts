import { readFileSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { XylemError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { NodeSettings } from "../base/settings/node-settings.ts";
import { agreeOnClusterId } from "../broker/cluster/membership/agree-on-cluster-id.ts";
import {
  checkMovedIn,
  readOwnClusterId,
  storeClusterNote,
} from "../broker/cluster/membership/cluster-note.ts";
import { Cluster } from "../broker/cluster/cluster.ts";
import { knownLevels } from "../broker/cluster/feature-level.ts";
import { openMeta } from "../broker/partition/directory/directory-meta.ts";
import type { Coordinator } from "../broker/ports/coordinator.ts";
import type { PeerAddress } from "../broker/ports/peer-links.ts";
import type { Disk } from "../broker/ports/disk.ts";
import type { AddressSource } from "../coordination/srv/address-source.ts";
import { findNodeId } from "./find-node-id.ts";
import { type OpenPeers, openPeers, type PeerNetwork, readSecret } from "./open-peers.ts";
import { packageVersion } from "./package-version.ts";
import type { StartSteps } from "./start-steps.ts";

export interface ClusterParts {
  readonly settings: NodeSettings;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Another process has this node's id: it is to stop. */
  readonly onReplaced: (error: XylemError) => void;
  /** As of `openPeers`. */
  readonly network?: PeerNetwork | undefined;
}

/** A node among others. */
export interface ClusteredNode {
  readonly cluster: Cluster;
  readonly peers: OpenPeers;
}

/** The given coordinator, or the one that the setting names. Throws INVALID_CONFIG. */
export async function openCoordinator(
  steps: StartSteps,
  parts: ClusterParts,
  given: Coordinator | undefined,
): Promise<Coordinator> {
  if (given !== undefined) return given;
  const { settings, clock, random, log } = parts;
  const address = settings.coordinator;
  const clusterName = settings["cluster.name"];
  return await steps.run(
    "open the coordinator",
    async () => {
      const kind = /^(etcd|consul)([+]srv)?:/.exec(address)?.[1];
      if (kind === undefined) {
        throw new XylemError("INVALID_CONFIG", `${address}: only etcd and Consul are known here`);
      }
      const addresses = await openAddresses(address, parts);
      const options = { address, addresses, clusterName, clock, random, log };
      if (kind === "etcd") {
        const { EtcdCoordinator } = await import("../coordination/etcd/etcd-coordinator.ts");
        return new EtcdCoordinator(options);
      }
      const { ConsulCoordinator } = await import("../coordination/consul/consul-coordinator.ts");
      return new ConsulCoordinator(options);
    },
    (opened) => opened.close(),
  );
}

/** Where DNS says that the coordinator is; undefined: the setting itself says it. */
async function openAddresses(
  address: string,
  { settings, clock, random, log }: ClusterParts,
): Promise<AddressSource | undefined> {
  const [, name] = /^[a-z]+[+]srv:[/][/](.+)$/.exec(address) ?? [];
  if (name === undefined) return undefined;
  const { findRecords } = await import("../coordination/srv/find-records.ts");
  const { SrvAddresses } = await import("../coordination/srv/srv-addresses.ts");
  const servers = settings["coordinator.dns.servers"];
  const find = (wanted: string) => findRecords(wanted, servers);
  const intervalMs = settings["coordinator.dns.interval.ms"];
  return await SrvAddresses.open({ name, find, intervalMs, clock, random, log });
}

/**
 * Takes this node's place in the cluster: the cluster's id, the data directory that is of it, the
 * node's id and lease. What it holds and where it listens is announced later.
 */
export async function openCluster(
  steps: StartSteps,
  coordinator: Coordinator,
  parts: ClusterParts,
): Promise<ClusteredNode> {
  const { settings, disk, random } = parts;
  const levels = levelsOf(settings);
  const secret = await readSecret(steps, parts);
  const { clusterId, directoryId, nodeId } = await steps.run(
    "find out which cluster it is",
    async () => {
      await checkMovedIn(disk);
      const wanted = {
        id: settings["cluster.id"],
        level: levels.most,
        ownId: await readOwnClusterId(disk),
      };
      const clusterId = await agreeOnClusterId(coordinator, wanted, random);
      const nodeId = await findNodeId(settings["node.id"], { disk, coordinator, random });
      const meta = await openMeta(disk, { nodeId, clusterId }, random);
      const clusterName = settings["cluster.name"];
      await storeClusterNote(disk, { clusterName, clusterId, isMovingIn: false });
      return meta;
    },
  );
  const rack = settings["broker.rack"] === "" ? null : settings["broker.rack"];
  const cluster = await steps.run(
    "take this node's place in the cluster",
    () =>
      Cluster.open({
        ...parts,
        coordinator,
        directoryId,
        rack,
        levels,
        nodeId,
        clusterId,
        version: packageVersion(),
        leaseMs: settings["cluster.lease.ms"],
        expectedNodes: settings["cluster.expect"],
      }),
    (taken) => taken.close(),
  );
  const identity = { id: nodeId, incarnation: cluster.incarnation };
  const addressOf = (id: number): PeerAddress | undefined => peerAddressOf(cluster, id);
  const peers = await openPeers(steps, { ...parts, secret, identity, clusterId, addressOf });
  cluster.onImage(({ nodesChanged }) => {
    if (!nodesChanged) return;
    for (const { id } of cluster.image.nodes) peers.links.addressChanged(id);
  });
  return { cluster, peers };
}

/** Those of this version, as far as it is to say so. */
function levelsOf(settings: NodeSettings): { readonly least: number; readonly most: number } {
  const { least, most } = knownLevels;
  const bound = settings["cluster.feature.level.max"];
  return { least, most: bound === 0 ? most : Math.max(least, Math.min(most, bound)) };
}

function peerAddressOf(cluster: Cluster, nodeId: number): PeerAddress | undefined {
  const node = cluster.image.node(nodeId);
  const address = node?.addresses.peer;
  return node && address && { ...address, incarnation: node.incarnation };
}

/** Another one after each start of the machine; undefined where that is not told. */
export function readBootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined;
  }
}
