import { readdirSync, readFileSync } from "node:fs";
import type { MessageCodec } from "../../src/protocol/schema/message.ts";

export function loadVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), "utf8")) as T;
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Every message that is declared, by its name. */
export async function loadCodecs(): Promise<ReadonlyMap<string, MessageCodec>> {
  const folder = new URL("../../src/protocol/messages/", import.meta.url);
  const codecs = new Map<string, MessageCodec>();
  for (const file of readdirSync(folder)) {
    const exported = (await import(new URL(file, folder).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(exported)) {
      if (typeof value === "object") codecs.set(name, value as MessageCodec);
    }
  }
  return codecs;
}

/**
 * What was read, in the form that the vectors have: Kafka's names, int64 as text, bytes as hex.
 * Only the fields that the vector names are kept: it leaves out those that its version lacks.
 */
export function asVector(value: unknown, expected: unknown): unknown {
  if (value instanceof Uint8Array) return bytesAsVector(value, expected);
  if (Array.isArray(value)) {
    const pattern = Array.isArray(expected) ? (expected as unknown[]) : [];
    return value.map((element, at) => asVector(element, pattern[at]));
  }
  if (value !== null && typeof value === "object" && expected !== null) {
    return Object.fromEntries(
      Object.keys(expected as object).map((name) => [
        name,
        asVector(
          (value as Record<string, unknown>)[lowerFirst(name)],
          (expected as Record<string, unknown>)[name],
        ),
      ]),
    );
  }
  const isNumeric = typeof value === "number" || typeof value === "bigint";
  return isNumeric && typeof expected === "string" ? String(value) : value;
}

function bytesAsVector(bytes: Uint8Array, expected: unknown): unknown {
  const hex = toHex(bytes);
  if (typeof expected !== "string") return { hex };
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
