import { XylemError, MalformedError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";
import { formatUuid, makeUuid } from "../../base/uuid.ts";
import {
  formatMetaProperties,
  type MetaProperties,
  parseMetaProperties,
} from "../../log/meta-properties.ts";
import type { Disk } from "../ports/disk.ts";
import { replaceFile } from "./replace-file.ts";

const fileName = "meta.properties";

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
  const bytes = await disk.readFile(fileName);
  if (bytes !== undefined && bytes.length > 0) return checkMeta(decodeUtf8(bytes), expected);
  const meta = {
    clusterId: expected.clusterId === "" ? formatUuid(makeUuid(random)) : expected.clusterId,
    nodeId: expected.nodeId,
    directoryId: formatUuid(makeUuid(random)),
  };
  const place = { directory: "", name: fileName };
  await replaceFile(disk, place, encodeUtf8(formatMetaProperties(meta)));
  return meta;
}

function checkMeta(text: string, expected: ExpectedMeta): MetaProperties {
  let meta: MetaProperties;
  try {
    meta = parseMetaProperties(text);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new XylemError("KAFKA_STORAGE_ERROR", `${fileName}: ${error.message}`, { cause: error });
  }
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
