"""Appends and reads with a client that protoc generated from proto/. Prints what it saw, as JSON.

Arguments: address, topic, the proto folder, a folder for the generated code.
"""

import json
import os
import sys

import grpc
from grpc_tools import protoc

COUNT = 500


def generate(protos, folder):
    os.makedirs(folder, exist_ok=True)
    names = ["record", "log", "admin", "echo", "group"]
    files = [f"xylem/v1/{name}.proto" for name in names]
    files = [file for file in files if os.path.exists(os.path.join(protos, file))]
    options = [f"-I{protos}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    if protoc.main(["protoc", *options, *files]) != 0:
        raise SystemExit("protoc failed")
    sys.path.insert(0, folder)


def main(address, topic, protos, folder):
    generate(protos, folder)
    from xylem.v1 import admin_pb2, admin_pb2_grpc, echo_pb2, echo_pb2_grpc
    from xylem.v1 import log_pb2, log_pb2_grpc, record_pb2

    channel = grpc.insecure_channel(address)
    echo = echo_pb2_grpc.EchoServiceStub(channel)
    admin = admin_pb2_grpc.AdminServiceStub(channel)
    log = log_pb2_grpc.LogServiceStub(channel)

    pong = echo.Ping(echo_pb2.PingRequest(), timeout=20).message
    echoed = echo.Echo(echo_pb2.EchoRequest(text="hello"), timeout=20).text
    admin.EnsureTopic(admin_pb2.EnsureTopicRequest(name=topic, partitions=1), timeout=20)

    def request(index):
        record = log_pb2.NewRecord(key=b"k%d" % index, value=b"v%d" % index)
        append = log_pb2.AppendRequest(topic=topic, records=[record])
        return log_pb2.AppendStreamRequest(append=append)

    answers = log.AppendStream((request(index) for index in range(COUNT)), timeout=60)
    offsets = [answer.appended.ranges[0].offset for answer in answers]

    values = []
    position = record_pb2.Position(offset=0)
    while len(values) < COUNT:
        ask = log_pb2.ReadRequest(topic=topic, position=position, limit=64)
        page = log.Read(ask, timeout=20)
        values += [record.value.decode() for record in page.records]
        position = record_pb2.Position(offset=page.next_offset)

    subscription = log_pb2.Subscription(topic=topic, position=record_pb2.Position(offset=0))
    ask = log_pb2.SubscribeRequest(subscriptions=[subscription])
    live = []
    stream = log.Subscribe(ask, timeout=60)
    for answer in stream:
        live += [record.value.decode() for record in answer.records]
        if len(live) >= COUNT:
            stream.cancel()
            break

    try:
        log.Read(log_pb2.ReadRequest(topic="no-such-topic"), timeout=20)
        failure = "none"
    except grpc.RpcError as error:
        failure = error.code().name

    seen = {"pong": pong, "echoed": echoed, "offsets": offsets, "values": values}
    print(json.dumps({**seen, "live": live, "failure": failure}))


main(*sys.argv[1:])
