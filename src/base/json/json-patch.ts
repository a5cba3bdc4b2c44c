import { XylemError } from "../errors.ts";
import { childOf, indexOf, parsePointer, valueAt } from "./json-pointer.ts";

type Tokens = readonly string[];

interface Operation {
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  readonly path: Tokens;
  /** Of move and copy. */
  readonly from: Tokens;
  /** Of add, replace and test. */
  readonly value: unknown;
}

/** What all copies of one patch may add up to, in characters: copies of copies double each time. */
const copiedCharactersMax = 16 * 1024 * 1024;
/**
 * What all operations of one patch may shift, in elements of lists: an operation at the head of a
 * list moves all that is behind it, and the node does nothing else meanwhile (about 0.1 s).
 */
const shiftedElementsMax = 128 * 1024 * 1024;

/**
 * Applies a JSON Patch (RFC 6902) and answers the patched document. Both are JSON as it was parsed;
 * the document is used up. Only its own members are ever looked at or made. Throws INVALID_REQUEST
 * for what is no patch, and PATCH_FAILED for one that does not fit the document.
 */
export function applyPatch(document: unknown, patch: unknown): unknown {
  const holder: Holder = { document, copiedCharacters: 0, shiftedElements: 0 };
  for (const [at, operation] of parsePatch(patch).entries()) {
    try {
      applyOperation(holder, operation);
    } catch (error) {
      throw new XylemError("PATCH_FAILED", `operation ${at} (${operation.op}): ${whyOf(error)}`);
    }
  }
  return holder.document;
}

interface Holder {
  document: unknown;
  copiedCharacters: number;
  shiftedElements: number;
}

/** The patch does not fit the document. */
class Misfit extends Error {}

/** A RangeError is the stack's end: both are data, and nothing else here goes that deep. */
function whyOf(error: unknown): string {
  if (error instanceof RangeError) return "the document is nested too deeply";
  if (error instanceof Misfit) return error.message;
  throw error;
}

function parsePatch(patch: unknown): readonly Operation[] {
  if (!Array.isArray(patch)) throw bad("it is an array of operations");
  return patch.map((entry: unknown, at) => parseOperation(entry, `operation ${at}`));
}

function parseOperation(entry: unknown, place: string): Operation {
  if (typeof entry !== "object" || entry === null) throw bad(`${place} is an object`);
  const { op, path, from, value } = entry as Record<string, unknown>;
  if (!isKnown(op)) throw bad(`${place} has none of the operations of RFC 6902`);
  if (typeof path !== "string") throw bad(`${place} has no path`);
  const hasFrom = op === "move" || op === "copy";
  if (hasFrom && typeof from !== "string") throw bad(`${place} has no from`);
  const hasValue = op === "add" || op === "replace" || op === "test";
  if (hasValue && value === undefined) throw bad(`${place} has no value`);
  return { op, path: parsePointer(path), from: parsePointer(hasFrom ? String(from) : ""), value };
}

function isKnown(op: unknown): op is Operation["op"] {
  return ["add", "remove", "replace", "move", "copy", "test"].includes(op as string);
}

function bad(what: string): XylemError {
  return new XylemError("INVALID_REQUEST", `this is no JSON Patch: ${what}`);
}

function applyOperation(holder: Holder, { op, path, from, value }: Operation): void {
  switch (op) {
    case "add":
      return add(holder, path, clone(holder, value));
    case "remove":
      return remove(holder, path);
    case "replace":
      find(holder, path);
      return replace(holder, path, clone(holder, value));
    case "move":
      return move(holder, from, path);
    case "copy":
      return add(holder, path, clone(holder, find(holder, from)));
    case "test":
      if (!isEqual(find(holder, path), value)) throw new Misfit("the value is another one");
  }
}

function move(holder: Holder, from: Tokens, path: Tokens): void {
  const isInside = path.length > from.length && from.every((token, at) => token === path[at]);
  if (isInside) throw new Misfit("nothing can be moved into itself");
  const value = find(holder, from);
  if (from.length === path.length && from.every((token, at) => token === path[at])) return;
  remove(holder, from);
  add(holder, path, value);
}

function find(holder: Holder, path: Tokens): unknown {
  const found = valueAt(holder.document, path);
  if (found === undefined) throw missing(path);
  return found;
}

function missing(path: Tokens): Misfit {
  return new Misfit(`there is nothing at "/${path.join("/")}"`);
}

function add(holder: Holder, path: Tokens, value: unknown): void {
  const token = path.at(-1);
  if (token === undefined) {
    holder.document = value;
    return;
  }
  const parent = parentOf(holder, path);
  if (!Array.isArray(parent)) return setMember(parent, token, value);
  const index = token === "-" ? parent.length : indexOf(token);
  if (index === undefined || index > parent.length) throw missing(path);
  shift(holder, parent.length - index);
  parent.splice(index, 0, value);
}

function replace(holder: Holder, path: Tokens, value: unknown): void {
  const token = path.at(-1);
  if (token === undefined) {
    holder.document = value;
    return;
  }
  const parent = parentOf(holder, path);
  if (Array.isArray(parent)) parent[Number(token)] = value;
  else setMember(parent, token, value);
}

function remove(holder: Holder, path: Tokens): void {
  const token = path.at(-1);
  if (token === undefined) throw new Misfit("the whole document can not be removed");
  const parent = parentOf(holder, path);
  if (childOf(parent, token) === undefined) throw missing(path);
  if (!Array.isArray(parent)) {
    delete (parent as Record<string, unknown>)[token];
    return;
  }
  shift(holder, parent.length - Number(token));
  parent.splice(Number(token), 1);
}

function shift(holder: Holder, elements: number): void {
  holder.shiftedElements += elements;
  if (holder.shiftedElements <= shiftedElementsMax) return;
  throw new Misfit(`operations shift more than ${shiftedElementsMax} elements of lists`);
}

function parentOf(holder: Holder, path: Tokens): object {
  const parent = find(holder, path.slice(0, -1));
  if (typeof parent === "object" && parent !== null) return parent;
  throw missing(path);
}

/** Defined, not assigned: a member called __proto__ is one like any other. */
function setMember(parent: object, token: string, value: unknown): void {
  const plain = { value, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(parent, token, plain);
}

/** The document and the patch share nothing, so that a later operation changes one place only. */
function clone(holder: Holder, value: unknown): unknown {
  const text = JSON.stringify(value);
  holder.copiedCharacters += text.length;
  if (holder.copiedCharacters <= copiedCharactersMax) return JSON.parse(text) as unknown;
  throw new Misfit(`copies make up more than ${copiedCharactersMax} characters`);
}

/** As RFC 6902, section 4.6: the order of members does not count. */
function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object") return false;
  if (one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => {
    if (!Object.hasOwn(other, name)) return false;
    return isEqual(
      (one as Record<string, unknown>)[name],
      (other as Record<string, unknown>)[name],
    );
  });
}
