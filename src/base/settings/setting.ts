/** Kafka's value types of a setting, as DescribeConfigs names them. */
export type SettingType =
  | "boolean"
  | "string"
  | "int"
  | "short"
  | "long"
  | "double"
  | "list"
  | "password";

/** A check answers what is wrong with a value, or undefined. */
export type SettingCheck<T> = (value: T) => string | undefined;

/**
 * One row of a settings table. `initial` has the unit that the name says (`.ms`, `.bytes`); null
 * means: not set, another setting decides. A `long` past 2^53 reads as the nearest double: it is
 * only ever compared with; where its text matters, the text is kept.
 */
export interface Setting<T> {
  readonly type: SettingType;
  readonly initial: T;
  check?(value: T): string | undefined;
  /** What `check` demands, in words, for the reference tables. */
  readonly valid?: string;
  readonly help: string;
  /** Topic settings: the node setting that gives the default, in Kafka's words. */
  readonly brokerName?: string;
  /** May change while the broker runs: for each node, for the cluster as one, or not at all. */
  readonly dynamic?: "broker" | "cluster";
  /** For tests and rare repairs: parsed and obeyed, described only where somebody set it. */
  readonly isInternal?: boolean;
}

/** A table of settings, whatever its values are. */
export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

/** The parsed values of a table, by name. */
export type SettingValues<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Setting<infer T> ? T : never;
};
