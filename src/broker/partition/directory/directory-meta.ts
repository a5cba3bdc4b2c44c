import { XylemError, MalformedError } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import { formatUuid, makeUuid } from "../../../base/uuid.ts";
import {
  formatMetaProperties,
  type MetaProperties,
  parseMetaProperties,
} from "../../../log/meta-properties.ts";
import type { Disk } from "../../ports/disk.ts";
import { replaceFile } from "./replace-file.ts";

const metaFileName = "meta.properties";

export interface ExpectedMeta {
  readonly nodeId: number;
  /** Empty: the directory's own, or a new one. */
  readonly clusterId: string;
}

/**
 * Whose directory it is; a new one is given to the node that asks. Throws
 * INCONSISTENT_CLUSTER_ID or INVALID_CONFIG for the directory of another cluster or node.
 */
export async function openMeta(
  disk: Disk,
  expected: ExpectedMeta,
  random: Random,
): Promise<MetaProperties> {
  const bytes = await disk.readFile(metaFileName);
  if (bytes !== undefined) return checkMeta(decodeUtf8(bytes), expected);
  const meta = {
    clusterId: expected.clusterId === "" ? formatUuid(makeUuid(random)) : expected.clusterId,
    nodeId: expected.nodeId,
    directoryId: formatUuid(makeUuid(random)),
  };
  await storeMeta(disk, meta);
  return meta;
}

/** Until a snapshot or a restored directory is whole: no node starts on it. */
export async function markUnfinished(disk: Disk): Promise<void> {
  const place = { directory: "", name: metaFileName };
  await replaceFile(disk, place, encodeUtf8(`${unfinishedLine}\n`));
}

/** The directory is whole now. */
export async function storeMeta(disk: Disk, meta: MetaProperties): Promise<void> {
  const place = { directory: "", name: metaFileName };
  await replaceFile(disk, place, encodeUtf8(formatMetaProperties(meta)));
}

/** Undefined: there is no such file. Throws KAFKA_STORAGE_ERROR when it can not be read. */
export async function readMeta(disk: Disk): Promise<MetaProperties | undefined> {
  const bytes = await disk.readFile(metaFileName);
  return bytes === undefined ? undefined : parseMeta(decodeUtf8(bytes));
}

const unfinishedLine = "# an unfinished copy of a data directory: remove it and make it again";

function parseMeta(text: string): MetaProperties {
  try {
    return parseMetaProperties(text);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    const isUnfinished = text.startsWith(unfinishedLine);
    const why = isUnfinished ? unfinishedLine.slice(2) : error.message;
    throw new XylemError("KAFKA_STORAGE_ERROR", `${metaFileName}: ${why}`, { cause: error });
  }
}

function checkMeta(text: string, expected: ExpectedMeta): MetaProperties {
  const meta = parseMeta(text);
  if (expected.clusterId !== "" && meta.clusterId !== expected.clusterId) {
    const detail = `the data directory is of cluster ${meta.clusterId}, not ${expected.clusterId}`;
    throw new XylemError("INCONSISTENT_CLUSTER_ID", detail);
  }
  if (meta.nodeId !== expected.nodeId) {
    const detail = `the data directory is of node ${meta.nodeId}, not ${expected.nodeId} (node.id)`;
    throw new XylemError("INVALID_CONFIG", detail);
  }
  return meta;
}
