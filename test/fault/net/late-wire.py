"""Carries frames between two interfaces, each so many milliseconds late.

FROM TO MILLISECONDS TWICE LATER: of a hundred frames so many come a second time, and so many come
after frames that were sent behind them. With the kernel's own header in front of each frame, so
that what was left for a network card to do (sums, segments) is still known when it is sent on.
"""

import heapq
import itertools
import random
import select
import socket
import sys
import time

ALL_PROTOCOLS = 0x0003
SOL_PACKET = 263
PACKET_VNET_HDR = 15
PACKET_OUTGOING = 4
FRAME_BYTES_MAX = 70_000
# How much later a frame comes that is overtaken, or that comes a second time.
FURTHER_SECONDS = 0.02


def open_wire(interface):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    wire.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    wire.bind((interface, 0))
    wire.setblocking(False)
    return wire


class Waiting:
    """Frames under way, the next one first; of the same moment in the order they came."""

    def __init__(self, late, twice, later):
        self.late, self.twice, self.later = late, twice, later
        self.frames = []
        self.count = itertools.count()

    def take(self, wire, other):
        while True:
            try:
                frame, address = wire.recvfrom(FRAME_BYTES_MAX)
            except BlockingIOError:
                return
            if address[2] == PACKET_OUTGOING:
                continue
            further = random.uniform(0, FURTHER_SECONDS)
            is_later = random.uniform(0, 100) < self.later
            self.put(self.late + (further if is_later else 0), other, frame)
            if random.uniform(0, 100) < self.twice:
                self.put(self.late + further, other, frame)

    def put(self, late, wire, frame):
        heapq.heappush(self.frames, (time.monotonic() + late, next(self.count), wire, frame))

    def send_due(self):
        while self.frames and self.frames[0][0] <= time.monotonic():
            _, _, wire, frame = heapq.heappop(self.frames)
            try:
                wire.send(frame)
            except OSError:
                pass  # Lost, as on any wire.

    def rest(self):
        return max(0, self.frames[0][0] - time.monotonic()) if self.frames else None


def main():
    first, second = open_wire(sys.argv[1]), open_wire(sys.argv[2])
    waiting = Waiting(int(sys.argv[3]) / 1000, int(sys.argv[4]), int(sys.argv[5]))
    while True:
        ready, _, _ = select.select([first, second], [], [], waiting.rest())
        for wire in ready:
            waiting.take(wire, second if wire is first else first)
        waiting.send_due()


main()
