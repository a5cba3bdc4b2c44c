/**
 * What a careful user tells clients whose own settings would wait for a silent node for half a
 * minute: give up a request after 5 s and a connection after 2 s, and try again, for as long as
 * Kafka's clients may (`delivery.timeout.ms` of two minutes, librdkafka's of five). kcat is told
 * besides (`-E`) not to end when it reaches no node for a moment.
 */
export const librdkafkaSettings = [
  "broker.address.family=v4",
  "socket.timeout.ms=5000",
  "socket.connection.setup.timeout.ms=2000",
  "reconnect.backoff.max.ms=1000",
] as const;

export const librdkafkaProducer = [
  "enable.idempotence=true",
  "acks=all",
  "linger.ms=5",
  "request.timeout.ms=4000",
] as const;

export const librdkafkaGroup = [
  "session.timeout.ms=10000",
  "heartbeat.interval.ms=1000",
  "auto.commit.interval.ms=500",
  "auto.offset.reset=earliest",
] as const;

const javaSettings = [
  "request.timeout.ms=5000",
  "socket.connection.setup.timeout.ms=2000",
  "reconnect.backoff.max.ms=1000",
] as const;

export const javaProducer = [
  ...javaSettings,
  "enable.idempotence=true",
  "acks=all",
  "linger.ms=5",
] as const;

export const javaGroup = [
  ...javaSettings,
  "session.timeout.ms=10000",
  "heartbeat.interval.ms=1000",
  "enable.auto.commit=false",
  "auto.offset.reset=earliest",
  "default.api.timeout.ms=10000",
] as const;
