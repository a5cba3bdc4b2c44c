/** A topic's part of a request or an answer, whatever its API calls the fields. */
interface TopicPart {
  readonly name?: string | null;
  readonly topic?: string;
  readonly topicId?: string | Uint8Array;
}

/** Fields that list topics, and within a topic its partitions, in requests and answers. */
const topicFields = ["topicData", "topics", "responses"] as const;
const partitionFields = [
  "partitionData",
  "partitionResponses",
  "partitionIndexes",
  "partitions",
] as const;
const indexFields = ["index", "partitionIndex", "partition"] as const;

/** What a partition of a fetch answers beside its error. */
const nothing = { records: null, abortedTransactions: null };

export interface Place {
  readonly topic: string;
  /** Undefined: the topic as a whole. */
  readonly partition: number | undefined;
}

export type TopicNames = (id: unknown) => string | undefined;
type Body = Readonly<Record<string, unknown>>;

/**
 * What topics and partitions a request or an answer is about; empty for one that names none.
 * `isMeant` chooses among the partitions' parts.
 */
export function placesOf(
  body: unknown,
  names: TopicNames,
  isMeant: (part: unknown) => boolean = () => true,
): Place[] {
  const places: Place[] = [];
  for (const part of topicParts(body)) {
    const topic = nameOf(part, names);
    const field = listField(part as Body, partitionFields);
    if (field === undefined) places.push({ topic, partition: undefined });
    else {
      const meant = field.list.filter(isMeant);
      for (const one of meant) places.push({ topic, partition: indexOf(one) });
    }
  }
  return places;
}

/** The same body with the wanted partitions only; topics that have none of them are left out. */
export function narrow(
  body: unknown,
  names: TopicNames,
  isWanted: (place: Place) => boolean,
): Body {
  const outer = listField(body as Body, topicFields);
  if (outer === undefined) return body as Body;
  const parts = outer.list.flatMap((part) => {
    const topic = nameOf(part as TopicPart, names);
    const field = listField(part as Body, partitionFields);
    if (field === undefined) return isWanted({ topic, partition: undefined }) ? [part] : [];
    const kept = field.list.filter((one) => isWanted({ topic, partition: indexOf(one) }));
    return kept.length === 0 ? [] : [{ ...(part as Body), [field.name]: kept }];
  });
  return { ...(body as Body), [outer.name]: parts };
}

/** One answer of two that are about different partitions. */
export function mergeAnswers(one: unknown, other: unknown): unknown {
  const [first, second] = [one, other].map((body) => listField(body as Body, topicFields));
  if (first === undefined || second === undefined) return one;
  const merged = [...first.list] as Body[];
  for (const part of second.list as Body[]) {
    const at = merged.findIndex((known) => isSameTopic(known, part));
    const into = merged[at];
    const field = into === undefined ? undefined : listField(into, partitionFields);
    if (into === undefined || field === undefined) merged.push(part);
    else {
      const more = listField(part, partitionFields)?.list ?? [];
      merged[at] = { ...into, [field.name]: [...field.list, ...more] };
    }
  }
  return { ...(one as Body), [first.name]: merged };
}

/** An answer in which those partitions, or topics without any, carry an error and nothing else. */
export function markPlaces(
  answer: unknown,
  names: TopicNames,
  errorCode: number,
  isMarked: (place: Place) => boolean,
): unknown {
  const outer = listField(answer as Body, topicFields);
  if (outer === undefined) return answer;
  const parts = (outer.list as Body[]).map((part) => {
    const topic = nameOf(part, names);
    if (isMarked({ topic, partition: undefined })) return { ...part, errorCode, partitions: [] };
    const field = listField(part, partitionFields);
    if (field === undefined) return part;
    const marked = (field.list as Body[]).map((one) =>
      isMarked({ topic, partition: indexOf(one) }) ? { ...one, ...nothing, errorCode } : one,
    );
    return { ...part, [field.name]: marked };
  });
  return { ...(answer as Body), [outer.name]: parts };
}

function topicParts(body: unknown): TopicPart[] {
  return (listField(body as Body, topicFields)?.list ?? []) as TopicPart[];
}

function listField(body: Body, fields: readonly string[]) {
  const name = fields.find((field) => Array.isArray(body?.[field]));
  return name === undefined ? undefined : { name, list: body[name] as readonly unknown[] };
}

function nameOf(part: TopicPart | string, names: TopicNames): string {
  if (typeof part === "string") return part;
  return part.name || part.topic || names(part.topicId) || "";
}

function indexOf(part: unknown): number {
  if (typeof part === "number") return part;
  const field = indexFields.find((name) => typeof (part as Body)[name] === "number");
  return field === undefined ? -1 : ((part as Body)[field] as number);
}

function isSameTopic(one: Body, other: Body): boolean {
  const [a, b] = [one, other] as TopicPart[];
  const known = a?.name || a?.topic;
  if (known) return known === (b?.name || b?.topic);
  return String(a?.topicId) === String(b?.topicId);
}
