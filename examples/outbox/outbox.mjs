import { DatabaseSync } from "node:sqlite";
import { Kafka, logLevel } from "kafkajs";

const url = process.env.XYLEM_URL ?? "http://127.0.0.1:9092";

/** Orders and the events about them are written in one transaction: there are both or neither. */
class Shop {
  #db = new DatabaseSync("shop.db");

  constructor() {
    this.#db.exec(`
      CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, item TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, topic TEXT, key TEXT, value TEXT);
    `);
  }

  place(id, item) {
    this.#db.exec("BEGIN");
    this.#db.prepare("INSERT INTO orders VALUES (?, ?)").run(id, item);
    const event = JSON.stringify({ type: "placed", id, item });
    const insert = "INSERT INTO outbox (topic, key, value) VALUES ('orders', ?, ?)";
    this.#db.prepare(insert).run(id, event);
    this.#db.exec("COMMIT");
  }

  get waiting() {
    return this.#db.prepare("SELECT * FROM outbox ORDER BY id").all();
  }

  forget(id) {
    this.#db.prepare("DELETE FROM outbox WHERE id = ?").run(id);
  }
}

/** In order, each under a key of its own: sent twice, an event is stored once. */
async function publish({ id, topic, key, value }) {
  const address = `${url}/v1/topics/${topic}/records?key=${encodeURIComponent(key)}`;
  const answer = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": `shop-outbox-${id}` },
    body: value,
  });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
}

const shop = new Shop();
shop.place("1", "shoes");
shop.place("2", "a hat");
const events = shop.waiting;
for (const event of events) await publish(event);
// As if the power had gone here, before the outbox was told: all is sent again.
for (const event of shop.waiting) {
  await publish(event);
  shop.forget(event.id);
}

// Any Kafka client gets them.
const kafka = new Kafka({ brokers: [new URL(url).host], logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({ groupId: "warehouse", maxWaitTimeInMs: 200 });
await consumer.connect();
await consumer.subscribe({ topic: "orders", fromBeginning: true });
const seen = [];
await new Promise((resolve) => {
  void consumer.run({
    eachMessage: async ({ message }) => {
      console.log(message.offset, String(message.value));
      if (seen.push(message) === events.length) resolve();
    },
  });
});
await consumer.disconnect();
console.log(`${shop.waiting.length} events wait in the outbox`);
