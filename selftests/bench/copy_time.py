#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Send a message to the pool that starts a copy, wait until the mirror is in the
given copy state; print how long that took, what the disks did meanwhile, and
what the hosts of the source (or of $COPY_HOST) did (host_reads, host_writes).
Sleeps for the pool's events: there is one CPU, and what polling takes is taken
from the copy and from the host's writes beside it.

usage: copy_time.py COPY-STATE WORD..."""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from dm import Dm  # noqa: E402

TIMEOUT_SECONDS = 600


def counters(disk):
    with open(f"/sys/kernel/simdisk/{disk}/stats", encoding="ascii") as stats:
        return {k: int(v) for k, v in (word.split("=") for word in stats.read().split())}


def host_ios():
    rdev = os.stat("/dev/mapper/" + os.environ.get("COPY_HOST", "a")).st_rdev
    with open(f"/sys/dev/block/{os.major(rdev)}:{os.minor(rdev)}/stat", encoding="ascii") as stat:
        words = stat.read().split()
    return {"host_reads": int(words[0]), "host_writes": int(words[4])}


def main():
    state, words = sys.argv[1], sys.argv[2:]
    dm = Dm()
    # Once before it counts: while a page comes from the host, the guest's clock runs away.
    dm.status("a")
    counters("simA")
    host_ios()
    dm.wait("pool", dm.event("pool") - 1)
    signal.alarm(TIMEOUT_SECONDS)
    event = dm.event("pool")
    before = {disk: counters(disk) for disk in ("simA", "simB")}
    hosts = host_ios()
    start = time.monotonic_ns()
    dm.message("pool", *words)
    while f" {state} " not in dm.status("a"):
        event = dm.wait("pool", event)
    print(f"ns={time.monotonic_ns() - start}")
    for key, now in host_ios().items():
        print(f"{key}={now - hosts[key]}")
    for disk, then in before.items():
        now = counters(disk)
        for key in ("reads", "writes", "read_sectors", "write_sectors", "flushes"):
            print(f"{disk}_{key}={now[key] - then[key]}")


main()
