/** `xylem/testing`: brokers for tests, on virtual time. */
export { VirtualClock } from "./settled-clock.ts";
export { startBroker, type TestBroker } from "./start-broker.ts";
export { SeededRandom } from "../base/seeded-random.ts";
