import { Option } from "commander";

/** The doors through which the command line appends. */
export const writeDoors = ["kafka", "http", "ws", "grpc"] as const;
export type WriteDoor = (typeof writeDoors)[number];

/** The doors through which it reads. */
export const readDoors = ["kafka", "http", "sse", "ws", "grpc"] as const;
export type ReadDoor = (typeof readDoors)[number];

export const codecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
export type Codec = (typeof codecs)[number];

export const acksWords = ["all", "1", "0"] as const;
export type Acks = (typeof acksWords)[number];

export function doorOption(doors: readonly string[]): Option {
  return new Option("--door <door>", "the way in to the broker").choices(doors).default("kafka");
}

export function acksOption(): Option {
  const help = "who must have a record before it counts as stored";
  return new Option("--acks <which>", help).choices(acksWords).default("all");
}

export function compressionOption(): Option {
  const help = "of the batches, over the Kafka door";
  return new Option("-z, --compression <codec>", help).choices(codecs).default("none");
}
