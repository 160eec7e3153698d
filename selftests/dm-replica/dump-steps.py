#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""dump-steps.py COMMAND...: names of all elements that a dump over netlink tells, one
a line; after its first part COMMAND runs."""
import socket
import struct
import subprocess
import sys

CTRL, GETFAMILY, FAMILY_ID, FAMILY_NAME = 16, 3, 1, 2
GET_ELEMENT, ELEMENT_NAME = 2, 5
REQUEST, DUMP, ERROR, DONE = 1, 0x300, 2, 3


def attribute(kind, data):
    length = 4 + len(data)
    return struct.pack("HH", length, kind) + data + bytes(-length % 4)


def send(sock, family, flags, command, attributes=b""):
    body = struct.pack("BBH", command, 1, 0) + attributes
    sock.send(struct.pack("IHHII", 16 + len(body), family, REQUEST | flags, 1, 0) + body)


def messages(data):
    while data:
        length, kind = struct.unpack_from("IH", data)
        yield kind, data[20:length]
        data = data[(length + 3) & ~3:]


def attributes(data):
    while data:
        length, kind = struct.unpack_from("HH", data)
        yield kind & 0x3FFF, data[4:length]
        data = data[(length + 3) & ~3:]


sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
send(sock, CTRL, 0, GETFAMILY, attribute(FAMILY_NAME, b"dm-replica\0"))
family = next(struct.unpack("H", value)[0]
              for _, body in messages(sock.recv(4096))
              for kind, value in attributes(body) if kind == FAMILY_ID)
send(sock, family, DUMP, GET_ELEMENT)
parts = 0
ended = False
while not ended:
    data = sock.recv(4096)
    parts += 1
    if parts == 1:
        subprocess.run(sys.argv[1:], check=True)
    for kind, body in messages(data):
        if kind == ERROR:
            sys.exit("the dump fails")
        ended |= kind == DONE
        for a, value in attributes(body) if kind == family else ():
            if a == ELEMENT_NAME:
                print(value.rstrip(b"\0").decode())
if parts < 3:
    sys.exit("all came in one part")
