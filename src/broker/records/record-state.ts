import { Turns } from "../turns.ts";
import { KeylessTurns } from "./keyless-turns.ts";

/** What reading and writing records by other doors than Kafka's keeps between requests. */
export class RecordState {
  readonly keylessTurns = new KeylessTurns();
  /** Patches of one partition go one after the other. */
  readonly patches = new Turns();
}
