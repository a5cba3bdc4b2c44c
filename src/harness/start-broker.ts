import { Xylem, type XylemOptions } from "../node/embedded/xylem.ts";
import { SeededRandom } from "../base/seeded-random.ts";
import { VirtualClock } from "./settled-clock.ts";

/** A broker whose time and chance the test owns. */
export interface TestBroker extends AsyncDisposable {
  readonly broker: Xylem;
  readonly clock: VirtualClock;
  close(): Promise<void>;
}

/** Starts a broker in memory, on virtual time, with repeatable chance. */
export async function startBroker(
  options: Omit<XylemOptions, "clock" | "random"> & { readonly seed?: number } = {},
): Promise<TestBroker> {
  const { seed = 1, ...rest } = options;
  const clock = new VirtualClock();
  const broker = await Xylem.start({ ...rest, clock, random: new SeededRandom(seed) });
  const close = (): Promise<void> => broker.close();
  return { broker, clock, close, [Symbol.asyncDispose]: close };
}
