import { type FaultNet } from "./fault-net.ts";

/** Where there are no namespaces: every place on its own address of the machine, nothing to cut. */
export class LoopbackNet implements FaultNet {
  readonly #places: readonly string[];

  constructor(places: readonly string[]) {
    this.#places = places;
  }

  addressOf(place: string): string {
    return `127.0.1.${11 + this.#places.indexOf(place)}`;
  }

  commandAt(_place: string, command: readonly string[]): readonly string[] {
    return command;
  }

  cut(from: string, to: string): void {
    throw new Error(`nothing between ${from} and ${to} can be cut here`);
  }

  narrow(place: string): void {
    throw new Error(`nothing about ${place} can be made narrow here`);
  }

  disturb(place: string): void {
    throw new Error(`nothing about ${place} can be disturbed here`);
  }

  mend(): void {
    // Nothing was cut.
  }

  close(): void {
    // Nothing was made.
  }
}
