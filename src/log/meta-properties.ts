import { MalformedError } from "../base/errors.ts";

/** Whose data directory it is (records.md, Files of a log directory). */
export interface MetaProperties {
  readonly clusterId: string;
  readonly nodeId: number;
  readonly directoryId: string;
}

export function formatMetaProperties(meta: MetaProperties): string {
  return [
    `node.id=${meta.nodeId}`,
    `directory.id=${meta.directoryId}`,
    "version=1",
    `cluster.id=${meta.clusterId}`,
    "",
  ].join("\n");
}

/** Version 0 has `broker.id` and no directory id, which is empty then. Throws MalformedError. */
export function parseMetaProperties(text: string): MetaProperties {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const equals = line.indexOf("=");
    if (equals < 0 || line.startsWith("#") || line.startsWith("!")) continue;
    values.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
  }
  const version = values.get("version");
  if (version !== "0" && version !== "1") throw new MalformedError(`version ${version}`);
  const nodeId = values.get(version === "0" ? "broker.id" : "node.id");
  const clusterId = values.get("cluster.id");
  if (nodeId === undefined || !/^\d{1,10}$/.test(nodeId)) throw new MalformedError("no node.id");
  if (clusterId === undefined || clusterId === "") throw new MalformedError("no cluster.id");
  return { clusterId, nodeId: Number(nodeId), directoryId: values.get("directory.id") ?? "" };
}
