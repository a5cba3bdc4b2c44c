"""Carries frames between two interfaces, each so many milliseconds late: FROM TO MILLISECONDS.

With the kernel's own header in front of each frame, so that what was left for a network card to do
(sums, segments) is still known when it is sent on.
"""

import collections
import select
import socket
import sys
import time

ALL_PROTOCOLS = 0x0003
SOL_PACKET = 263
PACKET_VNET_HDR = 15
PACKET_OUTGOING = 4
FRAME_BYTES_MAX = 70_000


def open_wire(interface):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    wire.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    wire.bind((interface, 0))
    wire.setblocking(False)
    return wire


def take(wire, other, late, waiting):
    while True:
        try:
            frame, address = wire.recvfrom(FRAME_BYTES_MAX)
        except BlockingIOError:
            return
        if address[2] != PACKET_OUTGOING:
            waiting.append((time.monotonic() + late, other, frame))


def main():
    first, second = open_wire(sys.argv[1]), open_wire(sys.argv[2])
    late = int(sys.argv[3]) / 1000
    waiting = collections.deque()
    while True:
        wait = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([first, second], [], [], wait)
        for wire in ready:
            take(wire, second if wire is first else first, late, waiting)
        while waiting and waiting[0][0] <= time.monotonic():
            _, other, frame = waiting.popleft()
            try:
                other.send(frame)
            except OSError:
                pass  # Lost, as on any wire.


main()
