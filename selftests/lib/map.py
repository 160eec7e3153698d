#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""map.py POOL SUBJECT [COMMAND]: asks what differs as replctl does (SUBJECT is
a sync's id, or ID,ID of two elements), but runs the shell COMMAND once the first part of
the answer is here, so that the kernel makes the others after it. Prints
"ERRNO PARTS EXTENTS"; PARTS counts what was read."""

import os
import re
import socket
import struct
import subprocess
import sys

NETLINK_GENERIC = 16
NLMSG_ERROR, NLMSG_DONE = 2, 3
DUMP = 1 | 0x300
CTRL_CMD_GETFAMILY, CTRL_A_FAMILY_ID, CTRL_A_FAMILY_NAME = 3, 1, 2

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


def send(sock, family, flags, command, body):
    sock.send(struct.pack("=IHHIIBBH", 20 + len(body), family, flags, 1, 0, command, 1, 0) + body)


def messages(data):
    while len(data) >= 16:
        size, kind = struct.unpack_from("=IH", data)
        yield kind, data[16:size]
        data = data[(size + 3) & ~3:]


def family_id(sock):
    send(sock, 16, 1, CTRL_CMD_GETFAMILY, attr(CTRL_A_FAMILY_NAME, b"dm-replica\0"))
    for kind, body in messages(sock.recv(8192)):
        if kind == 16:
            return struct.unpack("=H", dict(attrs(body[4:]))[CTRL_A_FAMILY_ID])[0]
    sys.exit("there is no family dm-replica")


def main():
    pool, subject, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
    sock.bind((0, 0))
    family = family_id(sock)
    names = ["DRP_A_SYNC_ID"] if len(subject) == 1 else ["DRP_A_SOURCE_ID", "DRP_A_TARGET_ID"]
    body = attr(ATTR["DRP_A_POOL_NAME"], pool.encode() + b"\0")
    for name, value in zip(names, subject):
        body += attr(ATTR[name], struct.pack("=Q", int(value)))
    send(sock, family, DUMP, CMD["DRP_CMD_MAP"], body)
    parts = extents = 0
    while True:
        data = sock.recv(8192)
        parts += 1
        for kind, body in messages(data):
            if kind in (NLMSG_ERROR, NLMSG_DONE):
                print(-struct.unpack_from("=i", body)[0], parts, extents)
                return
            extents += sum(k == ATTR["DRP_A_EXTENT"] for k, _ in attrs(body[4:]))
        if parts == 1 and command:
            subprocess.run(command[0], shell=True, check=True, stdout=subprocess.DEVNULL)


main()
