import { Chains } from "../broker/chains/chains.ts";
import { ChainsByHand } from "../broker/cluster/assignment/chains-by-hand.ts";
import { ChainedTopics } from "../broker/cluster/chained-topics.ts";
import type { Cluster } from "../broker/cluster/cluster.ts";
import { ClusterStorage } from "../broker/cluster/replicas/cluster-storage.ts";
import { ControllerCalls } from "../broker/cluster/controller/controller-calls.ts";
import { ProcessWatch } from "../broker/cluster/controller/process-watch.ts";
import { Controller } from "../broker/cluster/controller/controller.ts";
import { featureLevels } from "../broker/cluster/feature-level.ts";
import { ClusterAdministration } from "../broker/cluster/plans/cluster-administration.ts";
import { ReplicaFacts } from "../broker/cluster/plans/replica-facts.ts";
import { ShortTurns } from "../broker/cluster/replicas/short-turns.ts";
import { KnownChains } from "../broker/cluster/replicas/known-chains.ts";
import { LineageFile } from "../broker/cluster/membership/lineage-file.ts";
import type { Coordinator } from "../broker/ports/coordinator.ts";
import type { PeerLinks } from "../broker/ports/peer-links.ts";
import { Topics } from "../broker/topics/topics.ts";
import { readBootId } from "./open-cluster.ts";
import type { OpenTopics, TopicsParts } from "./open-topics.ts";
import type { StartSteps } from "./start-steps.ts";

/** Replicas that are opened, or follow a change of their chains, in one turn of the event loop. */
const settledPerTurn = 32;

/**
 * The topics of a node among others: those of the cluster, each partition where its chain says. Its
 * logs are looked at before anybody counts on them.
 */
export async function openClusteredTopics(
  steps: StartSteps,
  parts: TopicsParts & { readonly cluster: Cluster; readonly links: PeerLinks },
): Promise<OpenTopics> {
  const { cluster, directory, links, clock } = parts;
  // What a start finds lost that ends before it is noted the next one would not find again.
  const releaseMarker = directory.wasClean ? undefined : directory.holdMarker();
  const chains = await steps.run(
    "make ready for chains",
    () => new Chains(parts),
    (running) => running.close(),
  );
  const storage = await openStorage(steps, parts, chains);
  const topics = await steps.run(
    "recover the topics",
    () => Topics.open({ ...parts, storage, cluster: inCluster(parts) }),
    (opened) => opened.close(),
  );
  storage.forgetStrangers();
  const lineages = await steps.run("see what the logs still hold", async () => {
    const { wasClean } = directory;
    const { bootId = readBootId() } = parts;
    const file = await LineageFile.open({ ...parts, bootId, wasClean });
    const counts = file.keepsUnflushed;
    const lost = storage.lostReplicas.filter(({ isUnflushed }) => counts || !isUnflushed);
    if (cluster.mayUse(featureLevels.lostReplicas)) await file.lose(lost);
    else if (lost.length > 0) await file.renew();
    storage.onReleased((chain) => file.regain(chain));
    releaseMarker?.();
    return file.lineages;
  });
  const calls = new ControllerCalls({ ...parts, logEnds: (keys) => storage.logEnds(keys) });
  const watch = await steps.run(
    "watch the other nodes' processes",
    () =>
      new ProcessWatch({ links, clock, tellController: (suspect) => calls.tellRefusal(suspect) }),
    (watching) => watching.close(),
  );
  const controller = await steps.run(
    "stand for controller",
    () =>
      new Controller({
        ...parts,
        watch,
        askLogEnds: (question) => calls.askLogEnds(question),
        probe: (nodeId) => calls.probe(nodeId),
      }),
    (standing) => standing.close(),
  );
  calls.attach(controller);
  chains.attach((ask) => calls.ask(ask));
  const chainControl = { byHand: new ChainsByHand(parts), calls };
  const facts = new ReplicaFacts({ ...parts, factsFrom: (place) => storage.factsFrom(place) });
  const office = () => controller.plans && { plans: controller.plans, stuck: controller.stuck };
  const administration = new ClusterAdministration({ ...parts, topics, facts, office });
  return { topics, lineages, chainControl, administration };
}

async function openStorage(
  steps: StartSteps,
  parts: TopicsParts & { readonly cluster: Cluster },
  chains: Chains,
): Promise<ClusterStorage> {
  const { nodeId: id, incarnation } = parts.cluster;
  const known = await steps.run(
    "read what is known of chains",
    () => KnownChains.open({ ...parts, self: { id, incarnation } }),
    (opened) => opened.close(),
  );
  const { run: runChain, tellNewer } = chains;
  const { shortTurns = new ShortTurns(setImmediate, settledPerTurn) } = parts;
  return await steps.run(
    "find the partitions' places",
    () => new ClusterStorage({ ...parts, runChain, known, tellNewer, shortTurns }),
    (opened) => opened.close(),
  );
}

function inCluster(parts: { readonly cluster: Cluster; readonly coordinator: Coordinator }) {
  const { cluster, coordinator } = parts;
  const { feed, unreadable } = cluster;
  return { chains: new ChainedTopics(cluster, coordinator), feed, unreadable };
}
