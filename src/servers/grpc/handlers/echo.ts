import type { ServiceImpl } from "@connectrpc/connect";
import type { EchoService } from "../generated/xylem/v1/echo_pb.ts";

export const echo: ServiceImpl<typeof EchoService> = {
  ping: () => ({ message: "pong" }),
  echo: ({ text }) => ({ text }),
};
