# SPDX-License-Identifier: GPL-2.0-only
"""The module's generic netlink family, a part of an answer at a time: for tests of
what happens between two parts."""

import os
import re
import socket
import struct
import sys

NETLINK_GENERIC = 16
REQUEST, DUMP = 1, 0x300
ERROR, DONE = 2, 3
CTRL, CTRL_GETFAMILY, CTRL_A_FAMILY_ID, CTRL_A_FAMILY_NAME = 16, 3, 1, 2

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def uapi(enum):
    """The names of an enum of the uapi header whose values are counted."""
    with open(TOP + "/include/uapi/linux/dm-replica.h", encoding="ascii") as f:
        body = re.search(r"enum %s \{(.*?)\n\};" % enum, f.read(), re.S).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    return {name: i for i, name in enumerate(re.findall(r"\w+(?=,)", body))}


CMD, ATTR = uapi("drp_command"), uapi("drp_attr")


def attr(kind, value):
    data = struct.pack("=HH", 4 + len(value), kind) + value
    return data + bytes(-len(data) % 4)


def attrs(data):
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        yield kind & 0x3FFF, data[4:size]
        data = data[(size + 3) & ~3:]


def messages(data):
    """Kind and what follows the header: of the family's own, struct genlmsghdr is first."""
    while len(data) >= 16:
        size, kind = struct.unpack_from("=IH", data)
        yield kind, data[16:size]
        data = data[(size + 3) & ~3:]


def send(sock, family, flags, command, body):
    sock.send(struct.pack("=IHHIIBBH", 20 + len(body), family, REQUEST | flags, 1, 0,
                          command, 1, 0) + body)


def receive(sock):
    """A part: the kernel makes none that is larger than what was ever asked for here."""
    return sock.recv(4096)


def ask(command, body=b""):
    """A socket on which the dump begins to arrive, and the family."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
    sock.bind((0, 0))
    send(sock, CTRL, 0, CTRL_GETFAMILY, attr(CTRL_A_FAMILY_NAME, b"dm-replica\0"))
    for kind, answer in messages(receive(sock)):
        if kind == CTRL:
            family, = struct.unpack("=H", dict(attrs(answer[4:]))[CTRL_A_FAMILY_ID])
            send(sock, family, DUMP, CMD[command], body)
            return sock, family
    sys.exit("there is no family dm-replica")
