"""Writes, reads as a group, resumes as another member. Prints what each step saw, as JSON.

Arguments: client (kafka-python or confluent-kafka), bootstrap, topic.
"""

import json
import sys
import time

COUNT = 200


def run_kafka_python(bootstrap, topic):
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.admin import KafkaAdminClient, NewTopic

    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(name=topic, num_partitions=2, replication_factor=1)])
    time.sleep(0.5)
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", compression_type="gzip")
    sent = [
        producer.send(topic, b"v%d" % i, key=b"k%d" % i, headers=[("h", b"%d" % i)], partition=i % 2)
        for i in range(COUNT)
    ]
    offsets = [(future.get(30).partition, future.get(30).offset) for future in sent]
    producer.close()

    def read(wanted):
        consumer = KafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=topic + "-group",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_poll_records=20,
        )
        values = []
        deadline = time.time() + 30
        while len(values) < wanted and time.time() < deadline:
            for records in consumer.poll(timeout_ms=500, max_records=20).values():
                values += [record.value.decode() for record in records]
        consumer.commit()
        consumer.close()
        return values

    first = read(COUNT // 2)
    rest = read(COUNT - len(first))
    ends = KafkaConsumer(bootstrap_servers=bootstrap)
    end_offsets = ends.end_offsets([TopicPartition(topic, 0), TopicPartition(topic, 1)])
    topics = sorted(name for name in ends.topics() if name == topic)
    ends.close()
    admin.delete_topics([topic])
    admin.close()
    return {
        "offsets": offsets,
        "values": first + rest,
        "ends": sorted(end_offsets.values()),
        "listed": topics,
    }


def run_confluent(bootstrap, topic):
    from confluent_kafka import Consumer, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, NewTopic

    where = {"bootstrap.servers": bootstrap, "broker.address.family": "v4"}
    admin = AdminClient(where)
    for future in admin.create_topics([NewTopic(topic, 2, 1)]).values():
        future.result(30)
    time.sleep(0.5)
    offsets = []
    errors = []

    def delivered(error, message):
        if error is not None:
            errors.append(str(error))
        else:
            offsets.append((message.partition(), message.offset()))

    producer = Producer({**where, "enable.idempotence": True, "compression.type": "zstd"})
    for i in range(COUNT):
        headers = [("h", b"%d" % i)]
        producer.produce(
            topic, b"v%d" % i, key=b"k%d" % i, partition=i % 2, headers=headers, callback=delivered
        )
    producer.flush(30)
    if errors:
        raise RuntimeError(errors[0])

    def read(wanted):
        consumer = Consumer(
            {
                **where,
                "group.id": topic + "-group",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        consumer.subscribe([topic])
        values = []
        deadline = time.time() + 30
        while len(values) < wanted and time.time() < deadline:
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                values.append(message.value().decode())
        consumer.commit(asynchronous=False)
        consumer.close()
        return values

    first = read(COUNT // 2)
    rest = read(COUNT - len(first))
    ends = Consumer({**where, "group.id": "unused"})
    marks = [ends.get_watermark_offsets(TopicPartition(topic, p), timeout=30) for p in (0, 1)]
    listed = [name for name in ends.list_topics(timeout=30).topics if name == topic]
    ends.close()
    for future in admin.delete_topics([topic]).values():
        future.result(30)
    return {
        "offsets": sorted(offsets, key=lambda each: (each[1], each[0])),
        "values": first + rest,
        "ends": [high for _, high in marks],
        "listed": listed,
    }


if __name__ == "__main__":
    client, bootstrap, topic = sys.argv[1:]
    runs = {"kafka-python": run_kafka_python, "confluent-kafka": run_confluent}
    print(json.dumps(runs[client](bootstrap, topic)))
