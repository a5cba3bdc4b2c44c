import type { SeededRandom } from "../../src/base/seeded-random.ts";
import { loadVectors } from "../vectors/vector.ts";

interface RequestVector {
  readonly apiKey: number;
  readonly hex: string;
}

/** One mutated number in these makes thousands of partitions: slow, and not what is tested here. */
const costlyKeys = new Set([19, 37]);

/** Requests as real clients sent them, size prefix included. */
export function recordedFrames(): Buffer[] {
  const names = ["requests", "requests-java", "produce-requests"];
  const vectors = names.flatMap((name) => loadVectors<RequestVector[]>(name));
  return vectors
    .filter(({ apiKey, hex }) => hex !== undefined && !costlyKeys.has(apiKey))
    .map(({ hex }) => Buffer.from(hex, "hex"));
}

type Mutation = (frame: Buffer, random: SeededRandom) => Buffer;

const prefixBytes = 4;
const extremes = [0, 1, -1, 127, 128, -32_768, 32_767, 2 ** 31 - 1, -(2 ** 31), 0x7f7f7f7f];

function below(random: SeededRandom, bound: number): number {
  return bound === 0 ? 0 : random.nextUint32() % bound;
}

/** Makes the size prefix true again. */
function resized(frame: Buffer): Buffer {
  frame.writeInt32BE(frame.length - prefixBytes);
  return frame;
}

const mutations: readonly Mutation[] = [
  // As it was recorded.
  (frame) => Buffer.from(frame),
  // Cut short, and saying so.
  (frame, random) => {
    const kept = prefixBytes + below(random, frame.length - prefixBytes);
    return resized(Buffer.from(frame.subarray(0, kept)));
  },
  // Cut short, its size as before: what follows on the connection becomes part of it.
  (frame, random) => Buffer.from(frame.subarray(0, 1 + below(random, frame.length))),
  // Some bits turned, behind the size.
  (frame, random) => {
    const turned = Buffer.from(frame);
    for (let count = 1 + below(random, 8); count > 0; count--) {
      const at = prefixBytes + below(random, frame.length - prefixBytes);
      turned[at] = (turned[at] ?? 0) ^ (1 << below(random, 8));
    }
    return turned;
  },
  // A number replaced by one that hurts.
  (frame, random) => {
    const changed = Buffer.from(frame);
    const at = prefixBytes + below(random, frame.length - 2 * prefixBytes);
    changed.writeInt32BE(extremes[below(random, extremes.length)] ?? 0, at);
    return changed;
  },
  // Another version of the same request.
  (frame, random) => {
    const changed = Buffer.from(frame);
    changed.writeInt16BE(below(random, 20), prefixBytes + 2);
    return changed;
  },
  // A run of it moved elsewhere.
  (frame, random) => {
    const at = prefixBytes + 10 + below(random, frame.length);
    const from = below(random, frame.length);
    const run = frame.subarray(from, from + below(random, 64));
    return resized(Buffer.concat([frame.subarray(0, at), run, frame.subarray(at)]));
  },
  // A header that is served, then noise.
  (frame, random) => {
    const noise = random.bytes(below(random, 400));
    return resized(Buffer.concat([frame.subarray(0, prefixBytes + 10), noise]));
  },
  // Noise altogether, of the size it says.
  (_, random) =>
    resized(Buffer.concat([Buffer.alloc(prefixBytes), random.bytes(below(random, 200))])),
  // A size that can not be, or is too much.
  (frame, random) => {
    const changed = Buffer.from(frame);
    const sizes = [-1, -(2 ** 31), 2 ** 31 - 1, 104_857_601, 104_857_600, 0];
    changed.writeInt32BE(sizes[below(random, sizes.length)] ?? -1);
    return changed;
  },
];

/** One of the frames, broken in one of many ways. Equal seeds give equal frames. */
export function mutatedFrame(frames: readonly Buffer[], random: SeededRandom): Buffer {
  const frame = frames[below(random, frames.length)] as Buffer;
  const mutate = mutations[below(random, mutations.length)] as Mutation;
  return mutate(frame, random);
}
