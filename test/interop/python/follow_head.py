"""Sends each line of its input and says when it has read it back: one producer, one consumer.

Arguments: client (kafka-python or confluent-kafka), bootstrap, topic of one partition.
"""

import sys

PATIENCE_S = 60


def open_kafka_python(bootstrap, topic):
    from kafka import KafkaConsumer, KafkaProducer

    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", retries=100)
    consumer = KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=topic, auto_offset_reset="earliest"
    )

    def send(value):
        producer.send(topic, value).get(PATIENCE_S)

    def read():
        return next(consumer).value

    return send, read


def open_confluent(bootstrap, topic):
    from confluent_kafka import Consumer, Producer

    where = {"bootstrap.servers": bootstrap, "broker.address.family": "v4"}
    producer = Producer({**where, "enable.idempotence": True})
    consumer = Consumer({**where, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])

    def send(value):
        failures = []
        producer.produce(topic, value, callback=lambda error, _: error and failures.append(error))
        if producer.flush(PATIENCE_S) > 0 or failures:
            raise RuntimeError(f"not delivered: {failures}")

    def read():
        while True:
            message = consumer.poll(1)
            if message is not None and message.error() is None:
                return message.value()

    return send, read


def main(client, bootstrap, topic):
    clients = {"kafka-python": open_kafka_python, "confluent-kafka": open_confluent}
    send, read = clients[client](bootstrap, topic)
    for line in sys.stdin:
        value = line.strip().encode()
        send(value)
        print(f"sent {value.decode()}", flush=True)
        print(f"read {read().decode()}", flush=True)


main(*sys.argv[1:])
