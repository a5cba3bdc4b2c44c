import { XylemError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import type { ConfigResource } from "../../broker/configs/config-resource.ts";
import { resourceOf } from "./config-numbers.ts";
import { expectXylemError } from "./errors.ts";

interface WantedResource {
  readonly resourceType: number;
  readonly resourceName: string;
}

interface ResourceAnswer extends WantedResource {
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** Resources of one request that are altered side by side, sharing the coordinator's flushes. */
const parallelMax = 256;

/** Alters each resource by itself; one that is in the request twice is refused, once. */
export async function alterEach<Wanted extends WantedResource>(
  resources: readonly Wanted[],
  alter: (wanted: Wanted, resource: ConfigResource) => Promise<void>,
): Promise<readonly ResourceAnswer[]> {
  const once = new Map<string, Wanted>();
  const repeated = new Set<string>();
  for (const wanted of resources) {
    const key = `${wanted.resourceType} ${wanted.resourceName}`;
    if (once.has(key)) repeated.add(key);
    once.set(key, wanted);
  }
  return await inParallel([...once], parallelMax, async ([key, wanted]) => {
    const { resourceType, resourceName } = wanted;
    try {
      if (repeated.has(key)) {
        throw new XylemError("INVALID_REQUEST", "Each resource must appear at most once.");
      }
      await alter(wanted, resourceOf(resourceType, resourceName));
      return { errorCode: 0, errorMessage: null, resourceType, resourceName };
    } catch (error) {
      const { kafka: errorCode, message: errorMessage } = expectXylemError(error);
      return { errorCode, errorMessage, resourceType, resourceName };
    }
  });
}
