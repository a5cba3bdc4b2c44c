import { XylemError } from "../errors.ts";
import { decodeUtf8, encodeUtf8 } from "../text.ts";

/** Strings, so that what is in them is passed over, and numbers. */
const tokenPattern = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Decimal digits that a double always keeps. */
const exactDigits = 15;

/**
 * Parses JSON that is going to be written again. Throws DOCUMENT_NOT_JSON, also for a number that
 * would come back as another one: what nobody changed must stay as it was.
 */
export function parseExactJson(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new XylemError("DOCUMENT_NOT_JSON", "the document is no JSON", { cause: error });
  }
  for (const [token] of text.matchAll(tokenPattern)) {
    if (token.startsWith('"') || isExact(token)) continue;
    const detail = `the number ${token.slice(0, 40)} can not be written again as it is`;
    throw new XylemError("DOCUMENT_NOT_JSON", detail);
  }
  return document;
}

/** Throws DOCUMENT_NOT_JSON for what is nested too deeply. */
export function formatJson(document: unknown): Uint8Array {
  try {
    return encodeUtf8(JSON.stringify(document));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new XylemError("DOCUMENT_NOT_JSON", "the document is nested too deeply or too large");
  }
}

/** Whether a double is exactly, or prints as, the number that was written. */
function isExact(token: string): boolean {
  const value = Number(token);
  if (!Number.isFinite(value)) return false;
  const [digits, exponent] = partsOf(token);
  if (digits.length <= exactDigits) return digits === "" || value !== 0;
  const [ourDigits, ourExponent] = partsOf(String(value));
  return digits === ourDigits && exponent === ourExponent;
}

/** Significant digits without zeros at either end, and the power of ten of the last one. */
function partsOf(token: string): readonly [digits: string, exponent: number] {
  const [mantissa = "", power = "0"] = token.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const all = (whole + fraction).replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  return [digits, Number(power) - fraction.length + (all.length - digits.length)];
}
