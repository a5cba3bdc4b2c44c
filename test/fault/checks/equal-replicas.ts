/** One replica's log of a partition; undefined: the node has none. */
export interface ReplicaBytes {
  readonly node: number;
  readonly bytes: Buffer | undefined;
}

/** Where the logs of one partition are not the same bytes on every node. */
export function findUnequalReplicas(key: string, replicas: readonly ReplicaBytes[]): string[] {
  const [first, ...others] = replicas;
  if (first === undefined) return [`${key}: there is no replica`];
  return others.flatMap(({ node, bytes }) => {
    if (first.bytes === undefined || bytes === undefined) {
      const lacking = bytes === undefined ? node : first.node;
      return [`${key}: node ${lacking} has no log`];
    }
    if (first.bytes.equals(bytes)) return [];
    const at = firstDifference(first.bytes, bytes);
    const sizes = `${first.bytes.length} and ${bytes.length} bytes`;
    return [`${key}: nodes ${first.node} and ${node} differ from byte ${at} on, of ${sizes}`];
  });
}

function firstDifference(one: Buffer, other: Buffer): number {
  const end = Math.min(one.length, other.length);
  for (let at = 0; at < end; at += 1) if (one[at] !== other[at]) return at;
  return end;
}
