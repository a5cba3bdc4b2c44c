import type { Admin, Consumer, Producer } from "@platformatic/kafka";
import { CommandFailure, exitCodes } from "./exit-codes.ts";

export const defaultBootstrap = "127.0.0.1:9092";

/** Options of every command that talks to a broker. */
export interface BrokerOptions {
  readonly bootstrap: string;
}

const connectTimeoutMs = 5_000;
const requestTimeoutMs = 30_000;
const retriesMax = 2;

type KafkaLibrary = typeof import("@platformatic/kafka");

/** The client library takes a tenth of a second to load: only commands that talk pay for it. */
export function loadKafka(): Promise<KafkaLibrary> {
  return import("@platformatic/kafka");
}

export async function withAdmin<T>(
  options: BrokerOptions,
  use: (admin: Admin) => Promise<T>,
): Promise<T> {
  const { Admin } = await loadKafka();
  const admin = new Admin(baseOptions(options));
  return withClient({ use: () => use(admin), close: () => admin.close() }, options);
}

export async function withProducer<T>(
  options: BrokerOptions,
  use: (producer: Producer) => Promise<T>,
): Promise<T> {
  const { Producer } = await loadKafka();
  const producer = new Producer({ ...baseOptions(options), autocreateTopics: true });
  return withClient({ use: () => use(producer), close: () => producer.close(true) }, options);
}

/** What `use` reads with a consumer, which is closed when its reader ends. */
export async function* readWithConsumer<T>(
  options: BrokerOptions & { readonly group?: string | undefined },
  use: (consumer: Consumer) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const { Consumer } = await loadKafka();
  const groupId = options.group ?? `xylem-cli-${process.pid}`;
  const consumer = new Consumer({ ...baseOptions(options), groupId });
  try {
    yield* use(consumer);
  } catch (error) {
    throw explainFailure(error, options.bootstrap);
  } finally {
    await consumer.close(true).catch(() => undefined);
  }
}

async function withClient<T>(
  client: { use(): Promise<T>; close(): Promise<void> },
  options: BrokerOptions,
): Promise<T> {
  try {
    return await client.use();
  } catch (error) {
    throw explainFailure(error, options.bootstrap);
  } finally {
    await client.close().catch(() => undefined);
  }
}

function baseOptions(options: BrokerOptions) {
  return {
    clientId: "xylem-cli",
    bootstrapBrokers: options.bootstrap.split(",").map((address) => address.trim()),
    connectTimeout: connectTimeoutMs,
    timeout: requestTimeoutMs,
    retries: retriesMax,
    retryDelay: 250,
  };
}

/** A stored batch is damaged, or does not open: no broker refused to read, or was out of reach. */
export function isUnreadable(error: unknown): boolean {
  if (error instanceof CommandFailure) return false;
  const isRefused = flatten(error).some(
    (cause) => "apiId" in cause && cause.apiId !== "CORRUPT_MESSAGE",
  );
  return !isRefused && explainFailure(error, "").exitCode !== exitCodes.unreachable;
}

/** Turns the library's nested errors into one line: the broker's own words where it gave some. */
export function explainFailure(error: unknown, bootstrap: string): CommandFailure {
  if (error instanceof CommandFailure) return error;
  const causes = flatten(error);
  const refusal = causes.find((cause) => "apiId" in cause);
  if (refusal !== undefined) {
    const { apiId, serverErrorMessage } = refusal as {
      apiId?: string;
      serverErrorMessage?: string;
    };
    const detail = serverErrorMessage ? `${serverErrorMessage} (${apiId})` : refusal.message;
    return new CommandFailure(detail, exitCodes.failed, error);
  }
  const network = causes.find((cause) =>
    /^(ECONN|ENOTFOUND|EHOST|ETIMEDOUT|EAI_)/.test(codeOf(cause)),
  );
  if (network !== undefined || causes.some((cause) => codeOf(cause) === "PLT_KFK_NETWORK")) {
    const reason = network ? ` (${codeOf(network)})` : "";
    return new CommandFailure(
      `no broker answers at ${bootstrap}${reason}`,
      exitCodes.unreachable,
      error,
    );
  }
  const last = causes.at(-1);
  return new CommandFailure(last?.message ?? String(error), exitCodes.failed, error);
}

/** What the library meets by itself after an answer that it could not take: never the reason. */
const sessionLosses: ReadonlySet<unknown> = new Set([
  "FETCH_SESSION_ID_NOT_FOUND",
  "INVALID_FETCH_SESSION_EPOCH",
]);

function isSessionLoss(error: unknown): boolean {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.every(isSessionLoss);
  }
  return error instanceof Error && "apiId" in error && sessionLosses.has(error.apiId);
}

function flatten(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > 8 || (depth > 0 && isSessionLoss(error))) return [];
  const nested = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return [error, ...[...nested, error.cause].flatMap((cause) => flatten(cause, depth + 1))];
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : "";
}
