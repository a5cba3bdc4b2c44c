import { XylemError } from "../errors.ts";
import type { Setting } from "./setting.ts";
import { intMax, longMax } from "./rows.ts";

/** The longest text of a value, as Kafka bounds it. */
const textLengthMax = 32_767;

type Parsed = boolean | number | string | readonly string[];

/**
 * A value's text, read by Kafka's rules: surrounding blanks dropped, booleans in any case, numbers
 * decimal, lists separated by commas and without repeats. Throws INVALID_CONFIG, which names the
 * setting and what is wrong with the value.
 */
export function parseSetting<T>(name: string, setting: Setting<T>, text: string): T {
  const wrong = (reason: string): XylemError => {
    const shown = setting.type === "password" ? "" : ` "${text}"`;
    return new XylemError("INVALID_CONFIG", `Invalid value${shown} for ${name}: ${reason}`);
  };
  if (text.length > textLengthMax) {
    throw new XylemError("INVALID_CONFIG", `The value of ${name} is too long`);
  }
  const value = parseText(setting, text.trim());
  if (value instanceof Refusal) throw wrong(value.reason);
  const refused = setting.check?.(value as T);
  if (refused !== undefined) throw wrong(refused);
  return value as T;
}

/** How a value is written: what `parseSetting` reads back. Null where nothing is set. */
export function formatSetting(setting: Setting<unknown>, value: unknown): string | null {
  if (value === null) return null;
  if (Array.isArray(value)) return value.join(",");
  if (setting.type === "long" && value === longMax) return "9223372036854775807";
  if (setting.type === "double") return formatDouble(value as number);
  return `${value as string | number | boolean}`;
}

/** As Java shows one: a whole number has `.0`, a large one its exponent. */
function formatDouble(value: number): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text.replace("e+", "E").replace("e", "E");
}

/** The same value in its plain form: digits of longs are kept, however many there are. */
export function normalizeSetting(name: string, setting: Setting<unknown>, text: string): string {
  const value = parseSetting(name, setting, text);
  if (setting.type === "long") return BigInt(text.trim()).toString();
  return formatSetting(setting, value) ?? "";
}

class Refusal {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

function parseText(setting: Setting<unknown>, text: string): Parsed | Refusal {
  switch (setting.type) {
    case "boolean":
      return parseBoolean(text);
    case "short":
      return parseInteger(text, -32_768n, 32_767n);
    case "int":
      return parseInteger(text, -2_147_483_648n, BigInt(intMax));
    case "long":
      return parseInteger(text, -(2n ** 63n), 2n ** 63n - 1n);
    case "double":
      return parseDouble(text);
    case "list":
      return parseList(text);
    case "string":
    case "password":
      return text;
  }
}

function parseBoolean(text: string): boolean | Refusal {
  const word = text.toLowerCase();
  if (word === "true") return true;
  return word === "false" ? false : new Refusal("must be true or false");
}

function parseInteger(text: string, least: bigint, most: bigint): number | Refusal {
  if (!/^[+-]?\d+$/.test(text)) return new Refusal("must be a whole number");
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  if (value < least || value > most) return new Refusal(`must be between ${least} and ${most}`);
  return Number(value);
}

function parseDouble(text: string): number | Refusal {
  const value = /^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : new Refusal("must be a number");
}

function parseList(text: string): readonly string[] | Refusal {
  if (text === "") return [];
  const values = text.split(",").map((value) => value.trim());
  if (values.includes("")) return new Refusal("an entry of the list is empty");
  if (new Set(values).size < values.length) return new Refusal("an entry of the list is repeated");
  return Object.freeze(values);
}
