import { type Consumer, Kafka, logLevel, type Producer } from "kafkajs";

export interface Order {
  readonly id: string;
  readonly item: string;
  readonly cents: number;
}

/** Takes orders and watches payments; the log is the only place where either is kept. */
export class OrdersService {
  readonly #producer: Producer;
  readonly #consumer: Consumer;
  readonly #paid = new Set<string>();

  constructor(brokers: string[]) {
    const retry = { initialRetryTime: 20, retries: 8 };
    const kafka = new Kafka({ clientId: "orders", brokers, retry, logLevel: logLevel.NOTHING });
    this.#producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    this.#consumer = kafka.consumer({ groupId: "orders", sessionTimeout: 30_000 });
  }

  async start(): Promise<void> {
    await Promise.all([this.#producer.connect(), this.#consumer.connect()]);
    await this.#consumer.subscribe({ topic: "payments", fromBeginning: true });
    await this.#consumer.run({
      eachMessage: async ({ message }) => await this.#takePayment(String(message.value)),
    });
  }

  async stop(): Promise<void> {
    await Promise.all([this.#consumer.disconnect(), this.#producer.disconnect()]);
  }

  /** Resolves once the order is on the log: from then on it can not be lost. */
  async place(order: Order): Promise<void> {
    const messages = [{ key: order.id, value: JSON.stringify(order) }];
    await this.#producer.send({ topic: "orders", messages });
  }

  isPaid(orderId: string): boolean {
    return this.#paid.has(orderId);
  }

  async #takePayment(text: string): Promise<void> {
    const orderId = readOrderId(text);
    if (orderId !== undefined) {
      this.#paid.add(orderId);
      return;
    }
    const messages = [{ value: text }];
    await this.#producer.send({ topic: "payments-unreadable", messages });
  }
}

function readOrderId(text: string): string | undefined {
  try {
    const { orderId } = JSON.parse(text) as { orderId?: unknown };
    return typeof orderId === "string" ? orderId : undefined;
  } catch {
    return undefined;
  }
}
