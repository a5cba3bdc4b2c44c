import type { Setting, SettingCheck, SettingType } from "./setting.ts";

/** What a value must fulfil, as a check and in words. */
export interface Rule<T> {
  readonly valid: string;
  readonly check: SettingCheck<T>;
}

type More = Pick<Setting<unknown>, "brokerName" | "dynamic" | "isInternal">;

const anything: Rule<unknown> = { valid: "", check: () => undefined };
export const anyNumber: Rule<number> = anything;
export const anyText: Rule<string> = anything;
export const anyList: Rule<readonly string[]> = anything;

/** Kafka's largest long. As a double it is 2^63, one more; it only means "never" or "no bound". */
export const longMax = 2 ** 63;
export const intMax = 2_147_483_647;

export function atLeast(least: number): Rule<number> {
  return {
    valid: `at least ${least}`,
    check: (value) => (value >= least ? undefined : `must be at least ${least}`),
  };
}

export function between(least: number, most: number): Rule<number> {
  return {
    valid: `${least} to ${most}`,
    check: (value) =>
      value >= least && value <= most ? undefined : `must be between ${least} and ${most}`,
  };
}

/** Some number outside the rule that has a meaning of its own. */
export function orExactly(special: number, rule: Rule<number>): Rule<number> {
  return {
    valid: `${special} or ${rule.valid}`,
    check: (value) => {
      const wrong = value === special ? undefined : rule.check(value);
      return wrong === undefined ? undefined : `${wrong}, or ${special}`;
    },
  };
}

export function listOf(...choices: readonly string[]): Rule<readonly string[]> {
  return {
    valid: `any of ${choices.join(", ")}`,
    check: (values) => {
      const stranger = values.find((value) => !choices.includes(value));
      return stranger === undefined ? undefined : `"${stranger}" is none of ${choices.join(", ")}`;
    },
  };
}

export function matching(pattern: RegExp, valid: string): Rule<string> {
  return {
    valid,
    check: (value) => (pattern.test(value) ? undefined : `must be ${valid}`),
  };
}

const byteUnits: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** The number of bytes that `256MiB`, `2 GiB` or `268435456` says; undefined where it says none. */
export function parseByteCount(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,15}) ?(?:([KMG])iB)?$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * (byteUnits[unit] as number);
}

/** A number of bytes, with a unit or without; empty is none. */
export function byteCountAtLeast(least: number): Rule<string> {
  const valid = `empty, or at least ${least / 1024 ** 2}MiB`;
  const check = (value: string): string | undefined =>
    value === "" || (parseByteCount(value) ?? 0) >= least ? undefined : `must be ${valid}`;
  return { valid, check };
}

export function listMatching(pattern: RegExp, valid: string): Rule<readonly string[]> {
  return {
    valid,
    check: (values) =>
      values.every((value) => pattern.test(value)) ? undefined : `must be ${valid}`,
  };
}

export const bool = (initial: boolean, help: string, more: More = {}): Setting<boolean> => ({
  type: "boolean",
  initial,
  help,
  ...more,
});

function numbers(type: SettingType) {
  return (initial: number, rule: Rule<number>, help: string, more: More = {}): Setting<number> => ({
    type,
    initial,
    ...rule,
    help,
    ...more,
  });
}

export const int = numbers("int");
export const short = numbers("short");
export const long = numbers("long");
export const double = numbers("double");

/** A number that may stay unset: null. */
export function unset(
  type: "int" | "long",
  rule: Rule<number>,
  help: string,
  more: More = {},
): Setting<number | null> {
  return {
    type,
    initial: null,
    valid: rule.valid,
    check: (value) => (value === null ? undefined : rule.check(value)),
    help,
    ...more,
  };
}

export const text = (
  initial: string,
  rule: Rule<string>,
  help: string,
  more: More = {},
): Setting<string> => ({ type: "string", initial, ...rule, help, ...more });

/** Never shown and never logged. Empty: there is none. */
export const secret = (rule: Rule<string>, help: string): Setting<string> => ({
  type: "password",
  initial: "",
  ...rule,
  help,
});

export const list = (
  initial: readonly string[],
  rule: Rule<readonly string[]>,
  help: string,
  more: More = {},
): Setting<readonly string[]> => ({ type: "list", initial, ...rule, help, ...more });

/** One of a few words; the value's type is their union. The first one is the default. */
export function choice<const Word extends string>(
  words: readonly [Word, ...Word[]],
  help: string,
  more: More = {},
): Setting<Word> {
  return {
    type: "string",
    initial: words[0],
    valid: words.join(", "),
    check: (value) => (words.includes(value) ? undefined : `must be one of ${words.join(", ")}`),
    help,
    ...more,
  };
}
