import { XylemError } from "../errors.ts";

const indexPattern = /^(0|[1-9]\d*)$/;

/** The tokens of a JSON Pointer (RFC 6901); "" is the whole document. Throws INVALID_REQUEST. */
export function parsePointer(pointer: string): readonly string[] {
  if (pointer === "") return [];
  const isPointer = pointer.startsWith("/") && !/~(?![01])/.test(pointer);
  if (!isPointer) throw new XylemError("INVALID_REQUEST", `"${pointer}" is no JSON Pointer`);
  const tokens = pointer.slice(1).split("/");
  return tokens.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The member or element that a token names; undefined: there is none. */
export function childOf(parent: unknown, token: string): unknown {
  if (typeof parent !== "object" || parent === null) return undefined;
  if (Array.isArray(parent)) return parent[indexOf(token) ?? -1] as unknown;
  return Object.hasOwn(parent, token) ? (parent as Record<string, unknown>)[token] : undefined;
}

/** What the tokens of a pointer lead to; undefined: nothing. */
export function valueAt(document: unknown, tokens: readonly string[]): unknown {
  let found = document;
  for (const token of tokens) found = childOf(found, token);
  return found;
}

/** An index of an array, as RFC 6901 writes it; undefined: it is none. */
export function indexOf(token: string): number | undefined {
  return indexPattern.test(token) ? Number(token) : undefined;
}
