#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Activate a pool and its element 1 and print how long it takes until the
element answers. No process is started meanwhile: its files would come from the
host, and an idle machine's clock does not wait for that.

usage: activation.py METADATA COW CHUNK-SECTORS DISK SECTORS"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from dm import Dm  # noqa: E402


def main():
    metadata, cow, chunk, disk, sectors = sys.argv[1:]
    dm = Dm()
    dm.status("cow")
    start = time.monotonic_ns()
    pool = dm.create("pool", 8, "replica-pool", f"{metadata} {cow} {chunk}")
    loaded = time.monotonic_ns()
    dm.create("a", int(sectors), "replica", f"{pool} 1 {disk}")
    dm.status("a")
    now = time.monotonic_ns()
    print(f"ns={now - start}")
    print(f"pool_ns={loaded - start}")


main()
