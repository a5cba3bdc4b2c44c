import { Code, ConnectError } from "@connectrpc/connect";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../generated/grpc/health/v1/health_pb.ts";

/** The health of the node: of all its services alike, which are up as long as it does not stop. */
export function health(
  serviceNames: readonly string[],
  stopping: AbortSignal,
): ServiceImpl<typeof Health> {
  const known = new Set(["", ...serviceNames]);
  const current = (): Status => (stopping.aborted ? Status.NOT_SERVING : Status.SERVING);
  return {
    check: ({ service }) => {
      if (known.has(service)) return { status: current() };
      throw new ConnectError(`There is no service ${service}`, Code.NotFound);
    },
    list: () => ({
      statuses: Object.fromEntries([...known].map((name) => [name, { status: current() }])),
    }),
    async *watch({ service }, { signal }) {
      yield { status: known.has(service) ? current() : Status.SERVICE_UNKNOWN };
      await aborted(AbortSignal.any([signal, stopping]));
      if (stopping.aborted && known.has(service)) yield { status: Status.NOT_SERVING };
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
