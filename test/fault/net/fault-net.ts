/** What happens to frames on their way. */
export interface Disturbance {
  readonly lateMs: number;
  /** Of a hundred: how many come a second time. */
  readonly twicePercent: number;
  /** Of a hundred: how many come after some that were sent behind them. */
  readonly overtakenPercent: number;
}

/** What a network of a fault run can do to the places in it. */
export interface FaultNet {
  /** Where the processes of `place` listen. */
  addressOf(place: string): string;
  /** The command line that runs `command` at `place`. */
  commandAt(place: string, command: readonly string[]): readonly string[];
  /** From here on nothing that `from` sends reaches `to`; nobody is told. */
  cut(from: string, to: string): void;
  /** What `place` sends and is sent passes at this rate each, behind all that waits. */
  narrow(place: string, kilobitsPerSecond: number): void;
  /** What `place` sends and is sent comes later, twice or out of order. */
  disturb(place: string, disturbance: Partial<Disturbance>): void;
  /** Everything passes again. */
  mend(): void;
  /** The processes at the places have to have ended. */
  close(): void;
}

/** Where the clients of a run are: on the machine itself. */
export const clientsPlace = "clients";

/** Cuts both ways. */
export function part(net: FaultNet, one: string, other: string): void {
  net.cut(one, other);
  net.cut(other, one);
}
