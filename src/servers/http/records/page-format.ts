import type { StoredRecord } from "../../../broker/records/stored-record.ts";
import { Refusal } from "../refusal.ts";
import { formatRecord } from "./format-record.ts";

/** How the records of a read come: by the Accept header. */
export interface PageFormat {
  readonly mediaType: string;
  /** `fields` are what the answer says besides the records, as JSON members. */
  format(records: readonly StoredRecord[], fields: string): string | Uint8Array;
}

const lineFeed = Uint8Array.of(0x0a);
const sizeBytes = 4;

const asJson: PageFormat = {
  mediaType: "application/json",
  format: (records, fields) => `{"records":[${records.map(formatRecord).join(",")}],${fields}}`,
};

/** A record's JSON per line. */
const asLines: PageFormat = {
  mediaType: "application/x-ndjson",
  format: (records) => records.map((record) => `${formatRecord(record)}\n`).join(""),
};

/** Values, each with a line feed behind it: lines that were appended come back as they were. */
const asText: PageFormat = {
  mediaType: "text/plain",
  format: (records) => Buffer.concat(records.flatMap(({ value }) => [value ?? nothing, lineFeed])),
};

/** Values, each behind its size: 4 bytes, big-endian; -1 is a tombstone. */
const asBytes: PageFormat = {
  mediaType: "application/octet-stream",
  format: (records) =>
    Buffer.concat(
      records.flatMap(({ value }) => {
        const size = Buffer.alloc(sizeBytes);
        size.writeInt32BE(value?.length ?? -1);
        return value === null ? [size] : [size, value];
      }),
    ),
};

const nothing = new Uint8Array();
const formats: readonly PageFormat[] = [asJson, asLines, asText, asBytes];

export const pageMediaTypes: readonly string[] = formats.map(({ mediaType }) => mediaType);

/** The format that a client likes best (RFC 9110, 12.5.1). Throws a Refusal with 406. */
export function choosePageFormat(accept: string | undefined): PageFormat {
  if (accept === undefined) return asJson;
  let best: { readonly format: PageFormat; readonly weight: number } | undefined;
  for (const format of formats) {
    const weight = weightOf(accept, format.mediaType);
    if (weight > (best?.weight ?? 0)) best = { format, weight };
  }
  if (best !== undefined) return best.format;
  throw new Refusal(406, `Records come as ${pageMediaTypes.join(", ")}.`);
}

/** The weight of the most exact range that fits. */
function weightOf(accept: string, mediaType: string): number {
  const [kind = ""] = mediaType.split("/");
  const ranks = new Map([
    ["*/*", 1],
    [`${kind}/*`, 2],
    [mediaType, 3],
  ]);
  let found = { rank: 0, weight: 0 };
  for (const part of accept.toLowerCase().split(",")) {
    const [range = "", ...parameters] = part.split(";").map((piece) => piece.trim());
    const rank = ranks.get(range) ?? 0;
    if (rank > found.rank) found = { rank, weight: qualityOf(parameters) };
  }
  return found.weight;
}

function qualityOf(parameters: readonly string[]): number {
  const quality = parameters.find((parameter) => parameter.startsWith("q="));
  if (quality === undefined) return 1;
  const weight = Number(quality.slice(2));
  return weight >= 0 && weight <= 1 ? weight : 0;
}
