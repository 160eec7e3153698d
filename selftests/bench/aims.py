# SPDX-License-Identifier: GPL-2.0-only
"""What dm-replica aims at, and what was measured for it."""

MIB = 1 << 20
WRITE_TESTS = ("w4k-q1", "hot-q1", "w4k-q16", "s64k-q4")


def first_int(values, key):
    return int(values[key].split()[0]) if key in values else None


def divide(a, b):
    return a / b if a is not None and b else None


def copied(values):
    """Bytes that the copy wrote: what reached the target without the host's own writes."""
    if "simB_write_sectors" not in values:
        return None
    return (int(values["simB_write_sectors"]) - int(values["simA_write_sectors"])) * 512


def seconds(values):
    return int(values["ns"]) / 1e9 if "ns" in values else None


def rate_mb(values):
    return divide(copied(values), seconds(values) and seconds(values) * 1e6)


def data_writes(fig):
    """Of all write jobs the one farthest from two data writes per host write."""
    found = [fig.per_io("replica", t, ("simA", "simB")) for t in WRITE_TESTS]
    found = [x[1] for x in found if x]
    return max(found, key=lambda x: abs(x - 2)) if found else None


def journal_writes(fig, test="w4k-q1"):
    found = fig.per_io("replica", test, ("simM",))
    return found and found[1]


def extra_flushes(fig):
    """Flushes of the data disks per write where the host asked for none."""
    found = [fig.per_io("replica", t, ("simA", "simB")) for t in WRITE_TESTS]
    found = [x[2] for x in found if x]
    return max(found) if found else None


def busy_ratio(fig):
    """Host writes reach simA, the copy only reads it: their rate during the copy."""
    busy, raw = fig.values("copy-busy"), fig.iops("raw", "w4k-q1")
    if not busy or not raw:
        return None
    return int(busy["simA_writes"]) / seconds(busy) / raw


def turned_ratio(fig, operation, rw):
    """What a host of the source had while it was overwritten, of what the raw disk gives."""
    values, raw = fig.values(f"turn-{operation}-{rw}"), fig.iops("raw", f"turn-{rw}")
    if not values or not raw:
        return None
    ios = values["host_writes" if rw == "randwrite" else "host_reads"]
    return int(ios) / seconds(values) / raw


def cloned_ratio(fig, side):
    """4 KiB writes of the source (a) or target (b) while a clone is copied, of what the raw disk gives."""
    values, raw = fig.values(f"clone-{side}"), fig.iops("raw", "clone-randwrite")
    if not values or not raw:
        return None
    return int(values["host_writes"]) / seconds(values) / raw


def clone_aims(fig):
    return [
        ("copy of a clone, idle", rate_mb(fig.values("clone-idle")), ">=", 600, "MB/s"),
        ("4 KiB first touch QD1 of a clone's target during its copy", cloned_ratio(fig, "b"), ">=",
         0.5, "of raw"),
        ("the same of its source", cloned_ratio(fig, "a"), ">=", 0.5, "of raw"),
    ]


def failed_back(fig):
    values = fig.values("turn-changes")
    return divide(int(values["simA_write_sectors"]) * 512 if values else None,
                  first_int(values, "changed_bytes"))


def first_byte(fig, size, operation):
    return divide(first_int(fig.values(f"first-{size}"), f"{operation}_ns"), 1e9)


def direction_aims(fig):
    rows = []
    for operation, name in (("restore", "a restore"), ("failback", "a failback")):
        rows += [(f"4 KiB {what} QD1 on the source during {name}",
                  turned_ratio(fig, operation, rw), ">=", 0.5, "of raw")
                 for what, rw in (("writes", "randwrite"), ("reads", "randread"))]
    rows.append(("failback after 1 % random changes, copied / changed", failed_back(fig), "<=",
                 1.05, ""))
    for operation, name in (("restore", "the source shows the target after Restore"),
                            ("failover", "the target takes a write after Failover")):
        rows += [(f"{name}, {text}", first_byte(fig, size, operation), "<=", 0.1, "s")
                 for size, text in (("large", "1 TiB"), ("small", "512 MiB"))]
    return rows


def memory_kib(fig, key):
    return divide(first_int(fig.values("big"), key), 1024)


def aims(fig):
    """[(what, value or None, '>=' or '<=' or '=', aim, unit, best peer)]"""
    resync, big = fig.values("resync"), fig.values("big")
    return [
        ("4 KiB random writes QD1, hot", fig.ratio("replica", "hot-q1"), ">=", 0.97, "of raw"),
        ("4 KiB random writes QD1, cold", fig.ratio("replica", "w4k-q1"), ">=", 0.96, "of raw"),
        ("4 KiB random writes QD16", fig.ratio("replica", "w4k-q16"), ">=", 0.99, "of raw"),
        ("64 KiB sequential writes QD4", fig.ratio("replica", "s64k-q4"), ">=", 0.95, "of raw"),
        ("4 KiB writes, fsync after each", fig.ratio("replica", "fsync"), ">=", 0.96, "of raw"),
        ("data writes per host write", data_writes(fig), "=", 2.0, ""),
        ("journal writes per host write, 512 MiB", journal_writes(fig), "<=", 0.002, ""),
        ("data flushes per host write, none asked for", extra_flushes(fig), "<=", 0.002, ""),
        ("instructions per write, QD1 cold", fig.kinsn("replica", "cpu-w-q1"), "<=", 17.0,
         "thousand"),
        ("instructions per read, QD1", fig.kinsn("replica", "cpu-r-q1"), "<=", 12.2,
         "thousand"),
        ("4 KiB random reads QD16, balanced", fig.ratio("replica-balance", "r4k-q16")
         if fig.iops("replica-balance", "r4k-q16") else None, ">=", 1.95, "of raw"),
        ("4 KiB random writes QD1, fractured", divide(
            fig.iops("replica", "fractured-q1"), fig.iops("raw", "w4k-q1")), ">=", 0.95, "of raw"),
        ("resync of 1 % random changes, copied / changed",
         divide(copied(resync), first_int(resync, "changed_bytes")), "<=", 1.05, ""),
        ("the same, time", seconds(resync), "<=", 0.2, "s"),
        ("full copy, idle", rate_mb(fig.values("copy-idle")), ">=", 600, "MB/s"),
        ("4 KiB writes QD1 during a full copy", busy_ratio(fig), ">=", 0.5, "of raw"),
        *direction_aims(fig),
        ("memory of a mirror of 1 TiB, clean", memory_kib(fig, "clean_memory"), "<=", 1024, "KiB"),
        ("the same, all of it dirty", memory_kib(fig, "dirty_memory"), "<=", 1024, "KiB"),
        ("journal writes per random write over 1 TiB",
         divide(first_int(big, "commits"), first_int(big, "writes")), None, None, ""),
    ]


def verdict(value, relation, aim):
    """met, missed, or not measured; a figure without an aim has none."""
    if relation is None:
        return "-"
    if value is None:
        return "not measured"
    # A figure is printed with as many digits as its aim needs, but judged as it is.
    met = {">=": value >= aim, "<=": value <= aim, "=": abs(value - aim) < 0.0005}[relation]
    return "met" if met else "**missed**"
