# SPDX-License-Identifier: GPL-2.0-only
"""Read what the guest left: fio's JSON, the disks' counters, key=value files."""

import glob
import json
import os
import statistics

DISKS = ("simA", "simB", "simM")


class Figures:
    """All figures of a results directory; None where something was not measured."""

    def __init__(self, directory):
        self.directory = directory

    def _path(self, *parts):
        return os.path.join(self.directory, ".".join(parts))

    def kernel(self):
        with open(self._path("kernel"), encoding="ascii") as f:
            return f.read().strip()

    def _side(self, stack, test):
        path = self._path(stack, test, "fio")
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as f:
            job = json.load(f)["jobs"][0]
        return job["read"] if job["read"]["total_ios"] else job["write"]

    def iops(self, stack, test):
        side = self._side(stack, test)
        return side and side["total_ios"] * 1000 / side["runtime"]

    def ios(self, stack, test):
        side = self._side(stack, test)
        return side and side["total_ios"]

    def latency_us(self, stack, test):
        side = self._side(stack, test)
        return side and side["lat_ns"]["mean"] / 1000

    def ratio(self, stack, test, base="raw"):
        mine, raw = self.iops(stack, test), self.iops(base, test)
        return mine / raw if mine and raw else None

    def kinsn(self, stack, test):
        """Kilo-instructions per I/O: one instruction is one nanosecond."""
        iops = self.iops(stack, test)
        return iops and 1e6 / iops

    def counters(self, stack, test):
        """{disk: {counter: value}} of one job."""
        path = self._path(stack, test, "io")
        if not os.path.exists(path):
            return None
        with open(path, encoding="ascii") as f:
            return {line.split()[0]: {k: int(v) for k, v in
                                      (w.split("=") for w in line.split()[1:])}
                    for line in f}

    def per_io(self, stack, test, disks=DISKS):
        """(reads, writes, flushes, FUA, KiB) of the disks per host I/O."""
        all_counters, ios = self.counters(stack, test), self.ios(stack, test)
        if not all_counters or not ios:
            return None

        def total(key):
            return sum(all_counters[d][key] for d in disks)
        kib = (total("read_sectors") + total("write_sectors")) / 2
        return tuple(x / ios for x in
                     (total("reads"), total("writes"), total("flushes"), total("fua"), kib))

    def values(self, case):
        """What a case of its own left, as strings; {} if it was not run."""
        path = self._path(case, "kv")
        if not os.path.exists(path):
            return {}
        with open(path, encoding="utf-8") as f:
            return dict(line.rstrip("\n").split("=", 1) for line in f if "=" in line)

    def repetitions(self, stack, test):
        """Rates of a job that was repeated, and their median and spread."""
        tests = sorted(os.path.basename(p).split(".")[1]
                       for p in glob.glob(self._path(stack, test + "-*", "fio")))
        rates = [self.iops(stack, t) for t in tests]
        if not rates:
            return None
        median = statistics.median(rates)
        return rates, median, (max(rates) - min(rates)) / median
