import { Kafka, logLevel } from "kafkajs";

/** A patient client that tells nothing. */
export function kafkaAt(...brokers: string[]): Kafka {
  const retry = { initialRetryTime: 50, maxRetryTime: 200, retries: 200 };
  return new Kafka({ brokers, retry, logLevel: logLevel.NOTHING });
}
