import { XylemError } from "../../base/errors.ts";
import type { Broker } from "../broker.ts";

const counts = new WeakMap<Broker, ReaderCount>();

/** All who follow partitions or wait for records, by whatever door but Kafka's. */
export class ReaderCount {
  readonly #broker: Broker;
  #count = 0;

  private constructor(broker: Broker) {
    this.#broker = broker;
  }

  static of(broker: Broker): ReaderCount {
    const known = counts.get(broker);
    if (known !== undefined) return known;
    const made = new ReaderCount(broker);
    counts.set(broker, made);
    return made;
  }

  get count(): number {
    return this.#count;
  }

  /** `leave` follows. Throws THROTTLING_QUOTA_EXCEEDED past `live.readers.max`. */
  enter(): void {
    const most = this.#broker.settings["live.readers.max"];
    if (this.#count >= most) {
      const detail = `${most} readers wait for records already; try again`;
      const facts = { setting: "live.readers.max" };
      throw new XylemError("THROTTLING_QUOTA_EXCEEDED", detail, { facts });
    }
    this.#count += 1;
  }

  leave(): void {
    this.#count -= 1;
  }
}
