import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { MalformedError } from "../base/errors.ts";

/** Key and value of a record as they lie in the log; a null value is a tombstone. */
export interface RecordBytes {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** What `write` writes, after the type of a key or the version of a value. */
export function writePrefixed(prefix: number, write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  writer.int16(prefix);
  write(writer);
  return writer.toBytes();
}

/** A reader behind the version. Throws MalformedError for one that is not known. */
export function openValue(
  bytes: Uint8Array,
  versionMax: number,
): { readonly reader: ByteReader; readonly version: number } {
  const reader = new ByteReader(bytes);
  const version = reader.int16();
  if (version < 0 || version > versionMax) {
    throw new MalformedError(`a group record of version ${version} is not known`);
  }
  return { reader, version };
}
