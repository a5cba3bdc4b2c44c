import { assert } from "../../../base/assert.ts";

export const nodesPrefix = "nodes/";
export const nodeKey = (nodeId: number): string => nodesPrefix + nodeId;

/** What else a node is reached by, besides the doors of clients. */
export type AddressKind = "kafka" | "http" | "grpc" | "peer";

export interface NodeAddress {
  /** Unbracketed. */
  readonly host: string;
  readonly port: number;
}

/** Ids that a node keeps while it can have lost nothing it held of topics of each durability. */
export interface Lineages {
  readonly fsync: string;
  readonly os: string;
  /** Chains whose replicas here have lost something all the same, from `lostReplicas` on. */
  readonly lost?: readonly string[];
}

/** A node in one life, as its leased key `nodes/<id>` tells the others. */
export interface NodeEntry {
  readonly id: number;
  /** 22 characters of base64url, random at each start. */
  readonly incarnation: string;
  /** The id of its data directory, which one process at a time has locked. */
  readonly directoryId: string;
  /** Absent while it starts: it looks at its disk, and is no member of anything yet. */
  readonly lineages?: Lineages;
  /** Where it is reached; no entry where it does not listen, none at all while it starts. */
  readonly addresses: Readonly<Partial<Record<AddressKind, NodeAddress>>>;
  readonly rack: string | null;
  /** It is about to stop: it gives away what it serves, and joins nothing. */
  readonly isDraining: boolean;
  /** Its disk takes no appends: it leads nothing where another one may. */
  readonly isFull?: boolean;
  readonly version: string;
  /** The feature levels it can work at, both ends included. */
  readonly features: { readonly least: number; readonly most: number };
}

export function formatNodeEntry(entry: NodeEntry): string {
  return JSON.stringify({ ...entry, id: undefined });
}

/** Our own writing, or a newer version's, which keeps these fields. */
export function parseNodeEntry(key: string, text: string): NodeEntry {
  const value = JSON.parse(text) as Partial<NodeEntry>;
  const id = Number(key.slice(nodesPrefix.length));
  const isWhole =
    Number.isSafeInteger(id) &&
    typeof value.incarnation === "string" &&
    typeof value.directoryId === "string" &&
    typeof value.addresses === "object" &&
    value.features !== undefined;
  assert(isWhole, `the coordinator's entry ${key} is not one of ours: ${text}`);
  return { ...(value as NodeEntry), id };
}
