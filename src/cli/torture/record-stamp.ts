import { crc32c } from "../../codecs/native-crc32c.ts";

/** Who sent a record and which one of its partition it is; told by the record's value alone. */
export interface RecordStamp {
  readonly producer: number;
  readonly sequence: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A value that names its record and carries its own sum, of a length that varies. */
export function formatStamp({ producer, sequence }: RecordStamp): Uint8Array {
  const body = `${producer}/${sequence}/${"x".repeat((producer * 31 + sequence * 17) % 200)}`;
  return encoder.encode(`${body}/${crc32c(encoder.encode(body)).toString(16)}`);
}

/** The stamp of a value; undefined when the value is torn or not one of ours. */
export function parseStamp(value: Uint8Array | null): RecordStamp | undefined {
  const text = decoder.decode(value ?? new Uint8Array());
  const end = text.lastIndexOf("/");
  const body = text.slice(0, Math.max(end, 0));
  if (crc32c(encoder.encode(body)).toString(16) !== text.slice(end + 1)) return undefined;
  const [producer, sequence] = body.split("/");
  return { producer: Number(producer), sequence: Number(sequence) };
}
