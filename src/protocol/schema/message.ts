import { assert } from "../../base/assert.ts";
import type { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { planRead, type ReadPlan } from "./read-plan.ts";
import type { StructShape } from "./shape.ts";
import { hasVersion, parseVersions, type VersionRange } from "./versions.ts";
import {
  type Fields,
  type ReadFields,
  shapeOf,
  type WireType,
  type WrittenFields,
} from "./wire.ts";
import { planWrite, type WritePlan } from "./write-plan.ts";

/** One message in all its versions. */
export interface MessageCodec<out R = unknown, out W = R> extends WireType<R, W> {
  readonly name: string;
  /** The API key of a request or response, the record type of an internal record's key. */
  readonly key: number | undefined;
  readonly validVersions: VersionRange;
  readonly shape: StructShape;
  isFlexible(version: number): boolean;
  /**
   * Reads the message and leaves the reader behind it. Bytes and uuids are views of the source.
   * Throws MalformedError on bytes that are none, before it allocates for them.
   */
  read(reader: ByteReader, version: number): R;
  /**
   * Throws UNSUPPORTED_VERSION when `value` sets a field that `version` lacks and that may not be
   * dropped. Large byte runs are taken by reference.
   */
  write(writer: ByteWriter, value: W, version: number): void;
}

interface MessageSpec<F extends Fields> {
  readonly name: string;
  readonly key?: number;
  /** Versions that can be read and written, such as `"4-18"`. */
  readonly versions: string;
  /** Versions with compact sizes and tagged fields (KIP-482), such as `"12+"` or `"none"`. */
  readonly flexible: string;
  readonly fields: F;
}

/** Declares a message. Plans are compiled at the first use of each version. */
export function message<const F extends Fields>(
  spec: MessageSpec<F>,
): MessageCodec<ReadFields<F>, WrittenFields<F>> {
  return new Message(spec) as unknown as MessageCodec<ReadFields<F>, WrittenFields<F>>;
}

class Message {
  readonly name: string;
  readonly key: number | undefined;
  readonly validVersions: VersionRange;
  readonly shape: StructShape;
  readonly #flexible: VersionRange;
  readonly #readPlans: ReadPlan[] = [];
  readonly #writePlans: WritePlan[] = [];

  constructor(spec: MessageSpec<Fields>) {
    const shape = shapeOf(spec.fields);
    assert(shape.kind === "struct", `${spec.name} is no struct`);
    this.name = spec.name;
    this.key = spec.key;
    this.shape = shape;
    this.validVersions = parseVersions(spec.versions);
    this.#flexible = parseVersions(spec.flexible);
  }

  isFlexible(version: number): boolean {
    return hasVersion(this.#flexible, version);
  }

  read(reader: ByteReader, version: number): unknown {
    let plan = this.#readPlans[version];
    if (plan === undefined) {
      plan = planRead(this.shape, this.#planVersion(version));
      this.#readPlans[version] = plan;
    }
    return plan(reader);
  }

  write(writer: ByteWriter, value: unknown, version: number): void {
    let plan = this.#writePlans[version];
    if (plan === undefined) {
      plan = planWrite(this.shape, this.#planVersion(version));
      this.#writePlans[version] = plan;
    }
    plan(writer, value);
  }

  #planVersion(version: number): { version: number; flexible: boolean } {
    assert(hasVersion(this.validVersions, version), `${this.name} has no version ${version}`);
    return { version, flexible: this.isFlexible(version) };
  }
}
