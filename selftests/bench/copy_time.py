#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Send a message to the pool that starts a copy, wait until the mirror is in the
given copy state; print how long that took and what the disks did meanwhile.
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


def main():
    state, words = sys.argv[1], sys.argv[2:]
    dm = Dm()
    # Once before it counts: while a page comes from the host, the guest's clock runs away.
    dm.status("a")
    counters("simA")
    dm.wait("pool", dm.event("pool") - 1)
    signal.alarm(TIMEOUT_SECONDS)
    event = dm.event("pool")
    before = {disk: counters(disk) for disk in ("simA", "simB")}
    start = time.monotonic_ns()
    dm.message("pool", *words)
    while f" {state} " not in dm.status("a"):
        event = dm.wait("pool", event)
    print(f"ns={time.monotonic_ns() - start}")
    for disk, then in before.items():
        now = counters(disk)
        for key in ("reads", "writes", "read_sectors", "write_sectors", "flushes"):
            print(f"{disk}_{key}={now[key] - then[key]}")


main()
