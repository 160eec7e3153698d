#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""map.py POOL SUBJECT [COMMAND]: asks what differs as replctl does (SUBJECT is
a sync's id, or ID,ID of two elements), but runs the shell COMMAND once the first part of
the answer is here, so that the kernel makes the others after it. Prints
"ERRNO PARTS EXTENTS"; PARTS counts what was read."""

import struct
import subprocess
import sys

from genl import ATTR, DONE, ERROR, ask, attr, attrs, messages, receive


def main():
    pool, subject, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
    names = ["DRP_A_SYNC_ID"] if len(subject) == 1 else ["DRP_A_SOURCE_ID", "DRP_A_TARGET_ID"]
    body = attr(ATTR["DRP_A_POOL_NAME"], pool.encode() + b"\0")
    for name, value in zip(names, subject):
        body += attr(ATTR[name], struct.pack("=Q", int(value)))
    sock, _ = ask("DRP_CMD_MAP", body)
    parts = extents = 0
    while True:
        data = receive(sock)
        parts += 1
        for kind, body in messages(data):
            if kind in (ERROR, DONE):
                print(-struct.unpack_from("=i", body)[0], parts, extents)
                return
            extents += sum(k == ATTR["DRP_A_EXTENT"] for k, _ in attrs(body[4:]))
        if parts == 1 and command:
            subprocess.run(command[0], shell=True, check=True, stdout=subprocess.DEVNULL)


main()
