import { parseRecord } from "./parse-record.ts";
import { readInputs, readLines } from "./read-lines.ts";
import type { OutgoingRecord } from "../doors/record-writer.ts";

/** How input becomes records: a record a line, a JSON record a line, or a record a file. */
export const inputFormats = ["lines", "json", "file"] as const;

export interface InputOptions {
  readonly format: (typeof inputFormats)[number];
  /** A record of its own instead of input. */
  readonly value?: string | undefined;
  readonly key?: string | undefined;
  /** The line up to this text is the key. */
  readonly keySeparator?: string | undefined;
  readonly headers: OutgoingRecord["headers"];
  readonly partition?: number | undefined;
}

/** Records that ride in one request; more only wait when the broker is slower than the input. */
const recordsPerRequestMax = 10_000;
const bytesPerRequestMax = 500_000;

/** Records of files or standard input as they come, in groups that are each worth a request. */
export async function* readRecords(
  files: readonly string[],
  options: InputOptions,
): AsyncGenerator<OutgoingRecord[]> {
  if (options.value !== undefined) return yield [withOptions(Buffer.from(options.value), options)];
  if (options.format === "file") return yield* readWhole(files, options);
  let lineNumber = 0;
  for await (const lines of readLines(readInputs(files))) {
    const records = lines.map((line) => {
      lineNumber += 1;
      return options.format === "json"
        ? overlay(parseRecord(line.toString(), lineNumber), options)
        : parseLine(line, options);
    });
    yield* splitRequests(records);
  }
}

async function* readWhole(
  files: readonly string[],
  options: InputOptions,
): AsyncGenerator<OutgoingRecord[]> {
  for (const file of files.length === 0 ? ["-"] : files) {
    const chunks: Buffer[] = [];
    for await (const chunk of readInputs([file])) chunks.push(chunk);
    yield [withOptions(Buffer.concat(chunks), options)];
  }
}

function parseLine(line: Buffer, options: InputOptions): OutgoingRecord {
  const { keySeparator } = options;
  const at = keySeparator ? line.indexOf(keySeparator) : -1;
  if (!keySeparator || at < 0) return withOptions(line, options);
  const value = line.subarray(at + Buffer.byteLength(keySeparator));
  return { ...withOptions(value, options), key: line.subarray(0, at) };
}

function withOptions(value: Uint8Array, options: InputOptions): OutgoingRecord {
  const { key, headers, partition } = options;
  return { key: key === undefined ? null : Buffer.from(key), value, headers, partition };
}

/** What the command line says counts where the record says nothing. */
function overlay(record: OutgoingRecord, options: InputOptions): OutgoingRecord {
  return {
    key: record.key ?? (options.key === undefined ? null : Buffer.from(options.key)),
    value: record.value,
    headers: [...record.headers, ...options.headers],
    partition: options.partition,
  };
}

function* splitRequests(records: readonly OutgoingRecord[]): Generator<OutgoingRecord[]> {
  let request: OutgoingRecord[] = [];
  let sizeBytes = 0;
  for (const record of records) {
    request.push(record);
    sizeBytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
    if (request.length < recordsPerRequestMax && sizeBytes < bytesPerRequestMax) continue;
    yield request;
    request = [];
    sizeBytes = 0;
  }
  if (request.length > 0) yield request;
}
