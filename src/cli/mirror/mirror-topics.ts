import { formatUuid, type Uuid, zeroUuid } from "../../base/uuid.ts";
import type { KafkaCluster, Metadata } from "./kafka-cluster.ts";
import type { MirrorReport } from "./mirror-report.ts";
import { WireFailure } from "./wire-failure.ts";

type MetadataTopic = Metadata["topics"][number];

/** They tell a topic from another one of its name; zeros from brokers that have no ids. */
export interface TopicIds {
  /** At the source. */
  readonly topicId: Uuid;
  readonly targetId: Uuid;
}

/** A topic that is there on both sides, with at least the source's partitions at the target. */
export interface TopicPair extends TopicIds {
  readonly name: string;
  readonly source: readonly PartitionPlace[];
  readonly target: readonly PartitionPlace[];
  /** Compaction leaves offsets out, at the target as well. */
  readonly isCompacted: boolean;
}

export interface PartitionPlace {
  readonly index: number;
  /** -1: it has no leader now. */
  readonly leaderId: number;
  /** -1: not told. */
  readonly leaderEpoch: number;
}

/** Kafka's numbers. */
const topicResource = 2;
const setOperation = 0;
const deleteOperation = 1;
/** Of configs that a topic has for itself. */
const ownConfigSource = 1;

const replicasMin = "min.insync.replicas";

const adminMsMax = 30_000;

/** Makes topics at the target as they are at the source: names, partitions and configs. */
export class MirrorTopics {
  readonly #source: KafkaCluster;
  readonly #target: KafkaCluster;
  readonly #names: readonly string[] | undefined;
  readonly #report: MirrorReport;
  /** The source's own configs as they were copied last, and to which topic of the target. */
  readonly #copied = new Map<string, string>();
  /** Of which topics the source spoke last. */
  #spoken: ReadonlySet<string> = new Set();

  /** `names`: undefined for all topics but internal ones. */
  constructor(
    ends: { readonly source: KafkaCluster; readonly target: KafkaCluster },
    names: readonly string[] | undefined,
    report: MirrorReport,
  ) {
    this.#source = ends.source;
    this.#target = ends.target;
    this.#names = names;
    this.#report = report;
  }

  /**
   * Brings the target up to the source's topics and answers those that can be copied. What a node
   * of the target does not know yet stalls the mirror: it has not caught up without.
   */
  async sync(): Promise<readonly TopicPair[]> {
    const wanted = await this.#wanted();
    let there = await this.#atTarget();
    let isChanged = false;
    for (const topic of wanted) {
      const changed = await this.#grow(topic, there.get(topic.name ?? ""));
      isChanged ||= changed;
    }
    if (isChanged) there = await this.#atTarget();
    const configs = await this.#copyConfigs(
      wanted.map(({ name }) => name ?? ""),
      there,
    );
    return wanted.flatMap((topic) => {
      const name = topic.name ?? "";
      const copy = there.get(name);
      const missing = whatIsMissing(topic, copy);
      if (missing !== undefined) this.#report.stall(`topic ${name}`, missing);
      if (copy === undefined || copy.errorCode !== 0) return [];
      const isCompacted = configs.get(name)?.includes("compact") ?? false;
      const places = { source: placesOf(topic), target: placesOf(copy) };
      const ids = { topicId: topic.topicId, targetId: copy.topicId };
      return [{ name, ...ids, ...places, isCompacted }];
    });
  }

  async #atTarget(): Promise<ReadonlyMap<string, MetadataTopic>> {
    const { topics } = await this.#target.readMetadata();
    return new Map(topics.map((topic) => [topic.name ?? "", topic]));
  }

  async #wanted(): Promise<readonly MetadataTopic[]> {
    const { topics } = await this.#source.readMetadata(this.#names);
    const wanted = topics.filter(({ name, isInternal }) => {
      return this.#names !== undefined || !(isInternal || name?.startsWith("__") === true);
    });
    for (const { name, errorCode } of wanted) {
      if (errorCode === 0) this.#report.settle(`topic ${name}`);
      else this.#report.stall(`topic ${name}`, WireFailure.ofCode(errorCode, "the source"));
    }
    const spoken = new Set(wanted.map(({ name }) => name ?? ""));
    for (const name of this.#spoken) if (!spoken.has(name)) this.#report.forget(`topic ${name}`);
    this.#spoken = spoken;
    return wanted.filter(({ errorCode }) => errorCode === 0);
  }

  async #grow(topic: MetadataTopic, copy: MetadataTopic | undefined): Promise<boolean> {
    const name = topic.name ?? "";
    const count = topic.partitions.length;
    if (copy === undefined) await this.#create(name, count);
    else if (copy.partitions.length < count) await this.#addPartitions(name, count);
    else return false;
    return true;
  }

  async #create(name: string, numPartitions: number): Promise<void> {
    const topic = { name, numPartitions, replicationFactor: -1, assignments: [], configs: [] };
    const body = { topics: [topic], timeoutMs: adminMsMax };
    const [created] = (await this.#target.callController("CreateTopics", body)).topics;
    check(created, `creating topic ${name}`);
    this.#report.say(`topic ${name} was made, ${numPartitions} partitions`);
  }

  async #addPartitions(name: string, count: number): Promise<void> {
    const topics = [{ name, count, assignments: null }];
    const body = { topics, timeoutMs: adminMsMax, validateOnly: false };
    const [grown] = (await this.#target.callController("CreatePartitions", body)).results;
    check(grown, `adding partitions to topic ${name}`);
    this.#report.say(`topic ${name} has ${count} partitions`);
  }

  /** Answers each topic's cleanup policies at the target. */
  async #copyConfigs(
    names: readonly string[],
    there: ReadonlyMap<string, MetadataTopic>,
  ): Promise<ReadonlyMap<string, string>> {
    const policies = new Map<string, string>();
    const source = await describeConfigs(this.#source, names);
    const target = await describeConfigs(this.#target, names);
    for (const name of names) {
      const known = target.get(name) ?? [];
      const own = (source.get(name) ?? []).filter(({ configSource: from }) => {
        return from === ownConfigSource;
      });
      const wanted = new Map(own.map((config) => [config.name, config.value]));
      this.#fitReplicas(name, wanted, there.get(name));
      const targetId = formatUuid(there.get(name)?.topicId ?? zeroUuid);
      const text = JSON.stringify([targetId, ...wanted]);
      if (known.length > 0 && this.#copied.get(name) !== text) {
        await this.#setConfigs(name, wanted, known);
        this.#copied.set(name, text);
      }
      const kept = known.find((config) => config.name === "cleanup.policy")?.value;
      policies.set(name, wanted.get("cleanup.policy") ?? kept ?? "");
    }
    return policies;
  }

  /** With fewer replicas than at the source nothing could be written. */
  #fitReplicas(
    name: string,
    wanted: Map<string, string | null>,
    copy: MetadataTopic | undefined,
  ): void {
    const replicas = copy?.partitions[0]?.replicaNodes.length ?? 1;
    if (Number(wanted.get(replicasMin) ?? 1) <= replicas) return;
    if (!this.#copied.has(name)) {
      this.#report.say(`topic ${name}: ${replicasMin} is ${replicas}, as many as its replicas are`);
    }
    wanted.set(replicasMin, String(replicas));
  }

  /** One by one: a value that the target does not take must not keep the others away. */
  async #setConfigs(
    topic: string,
    wanted: ReadonlyMap<string, string | null>,
    known: readonly Config[],
  ): Promise<void> {
    for (const { name, value, configSource } of known) {
      const isOwn = configSource === ownConfigSource;
      const next = wanted.get(name);
      if (next === undefined ? !isOwn : isOwn && next === value) continue;
      const operation = next === undefined ? deleteOperation : setOperation;
      const config = { name, configOperation: operation, value: next ?? null };
      const resources = [{ resourceType: topicResource, resourceName: topic, configs: [config] }];
      const body = { resources, validateOnly: false };
      const answer = await this.#target.callController("IncrementalAlterConfigs", body);
      const [{ errorCode, errorMessage } = { errorCode: 0, errorMessage: null }] = answer.responses;
      if (errorCode === 0) continue;
      this.#report.say(
        `topic ${topic}: ${name}=${next} is not taken: ${errorMessage ?? errorCode}`,
      );
    }
    const unknown = [...wanted.keys()].filter((name) => !known.some((one) => one.name === name));
    if (unknown.length === 0) return;
    this.#report.say(`topic ${topic}: the target does not know ${unknown.join(", ")}`);
  }
}

/** Whoever is asked has not heard yet of what another node has made. */
const notHeardOf = { message: "the target does not have all of it yet", isPassing: true };

/** What keeps a topic, or some of its partitions, from being copied; undefined: nothing. */
function whatIsMissing({ partitions }: MetadataTopic, copy: MetadataTopic | undefined) {
  if (copy === undefined) return notHeardOf;
  if (copy.errorCode !== 0) return WireFailure.ofCode(copy.errorCode, "the target");
  return copy.partitions.length < partitions.length ? notHeardOf : undefined;
}

interface Config {
  readonly name: string;
  readonly value: string | null;
  readonly configSource: number;
}

async function describeConfigs(
  cluster: KafkaCluster,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly Config[]>> {
  if (names.length === 0) return new Map();
  const resources = names.map((resourceName) => {
    return { resourceType: topicResource, resourceName, configurationKeys: null };
  });
  const { results } = await cluster.callAny("DescribeConfigs", { resources });
  for (const result of results) check(result, `configs of topic ${result.resourceName}`);
  return new Map(results.map(({ resourceName, configs }) => [resourceName, configs]));
}

function placesOf({ partitions }: MetadataTopic): readonly PartitionPlace[] {
  return partitions
    .map(({ partitionIndex: index, leaderId, leaderEpoch }) => ({ index, leaderId, leaderEpoch }))
    .toSorted((one, other) => one.index - other.index);
}

function check(
  answer: { readonly errorCode: number; readonly errorMessage: string | null } | undefined,
  what: string,
): void {
  if (answer === undefined || answer.errorCode === 0) return;
  throw WireFailure.ofCode(answer.errorCode, what, answer.errorMessage);
}
