#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Ask for Restore from Replica or Failover and print how long it takes until a
host has what it promises: the target's content read from the source, or a write
that the target accepts.

usage: first_byte.py restore|failover SYNC TARGET-DEVICE DEVICE SECTORS"""

import errno
import mmap
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from dm import Dm  # noqa: E402

BLOCK = 4096
TIMEOUT_SECONDS = 600


def read(fd, offset, memory):
    os.preadv(fd, [memory], offset)
    return memory[:BLOCK]


def write(fd, offset, memory):
    try:
        os.pwritev(fd, [memory], offset)
        return True
    except OSError as error:
        if error.errno not in (errno.EIO, errno.EPERM, errno.EROFS):
            raise
        return False


def open_writable(path):
    """Its device is read-only until the failover has happened."""
    try:
        return os.open(path, os.O_RDWR | os.O_DIRECT)
    except OSError:
        return -1


def first_read(fd, offset, wanted, memory):
    while read(fd, offset, memory) != wanted:
        pass


def first_write(path, offset, memory):
    while True:
        fd = open_writable(path)
        if fd >= 0 and write(fd, offset, memory):
            return


def main():
    what, sync, target, device, sectors = sys.argv[1:]
    memory, dm = mmap.mmap(-1, BLOCK), Dm()
    # The last whole block: far from where a copy begins.
    offset = (int(sectors) * 512 // BLOCK - 1) * BLOCK
    dm.status("a")
    fd = os.open(device, os.O_RDONLY | os.O_DIRECT)
    read(fd, offset, memory)
    wanted = os.urandom(BLOCK)
    if what == "restore":
        memory[:] = wanted
        if not write(open_writable(target), offset, memory):
            sys.exit("the target cannot be written")
    signal.alarm(TIMEOUT_SECONDS)
    operation = "restore-from-replica" if what == "restore" else "failover"
    start = time.monotonic_ns()
    dm.message("pool", "modify", operation, sync, "force")
    if what == "restore":
        first_read(fd, offset, wanted, memory)
    else:
        first_write(device, offset, memory)
    print(f"{what}_ns={time.monotonic_ns() - start}")


main()
