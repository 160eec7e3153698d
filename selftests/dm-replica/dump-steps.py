#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""dump-steps.py COMMAND...: names of all elements that a dump over netlink tells, one
a line; after its first part COMMAND runs."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from genl import ATTR, DONE, ERROR, ask, attrs, messages, receive  # noqa: E402

sock, family = ask("DRP_CMD_GET_ELEMENT")
parts = 0
ended = False
while not ended:
    data = receive(sock)
    parts += 1
    if parts == 1:
        subprocess.run(sys.argv[1:], check=True)
    for kind, body in messages(data):
        if kind == ERROR:
            sys.exit("the dump fails")
        ended |= kind == DONE
        for a, value in attrs(body[4:]) if kind == family else ():
            if a == ATTR["DRP_A_ELEMENT_NAME"]:
                print(value.rstrip(b"\0").decode())
if parts < 3:
    sys.exit("all came in one part")
