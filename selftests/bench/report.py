#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Make performance.md, .json and .svg of a results directory.

usage: report.py RESULTS OUTPUT-DIRECTORY COMMAND"""

import json
import os
import subprocess
import sys

import aims
from figures import Figures

STACKS = {
    "raw": "raw disk", "linear": "dm-linear", "mirror-core": "dm-mirror, core log",
    "mirror-disk": "dm-mirror, disk log", "md-none": "md raid1, no bitmap",
    "md-int": "md raid1, default bitmap", "md-1M": "md raid1, 1 MiB chunk",
    "md-64K": "md raid1, 64 KiB chunk", "dmraid-2M": "dm-raid raid1, 2 MiB region",
    "drbd-C": "DRBD 8.4, protocol C", "replica": "**dm-replica**",
    "replica-balance": "**dm-replica**, balance",
}
RATES = {
    "w4k-q1": "write 4k QD1 cold", "hot-q1": "write 4k QD1 hot", "w4k-q16": "write 4k QD16",
    "s64k-q4": "seq. 64k QD4", "fsync": "write 4k + fsync", "r4k-q16": "read 4k QD16",
}
COUNTED = ("w4k-q1", "hot-q1", "w4k-q16", "s64k-q4", "fsync")
COSTS = {
    "cpu-w-q1": "write QD1 cold", "cpu-hot-q1": "write QD1 hot",
    "cpu-w-q16": "write QD16", "cpu-r-q1": "read QD1",
}
WALL = {"wall-w4k-q1": "write 4k QD1", "wall-w4k-q16": "write 4k QD16",
        "wall-fsync": "write 4k + fsync"}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n\n"


def rate_cell(fig, stack, test):
    iops, ratio = fig.iops(stack, test), fig.ratio(stack, test)
    if iops is None:
        return "-"
    return f"{iops:.0f} ({ratio:.3f})" if ratio else f"{iops:.0f}"


def rates_table(fig, stacks):
    rows = [[STACKS[s]] + [rate_cell(fig, s, t) for t in RATES] for s in stacks]
    return table(["stack", *RATES.values()], rows)


def latency_table(fig, stacks):
    tests = ("w4k-q1", "hot-q1", "w4k-q16")
    rows = [[STACKS[s]] + [f"{x:.0f}" if (x := fig.latency_us(s, t)) else "-" for t in tests]
            for s in stacks]
    return table(["stack", *(RATES[t] for t in tests)], rows)


def io_table(fig, stacks):
    def cell(stack, test):
        found = fig.per_io(stack, test)
        if not found:
            return "-"
        return "/".join(f"{x:.2f}" for x in found[:4]) + f"/{found[4]:.1f}"
    rows = [[STACKS[s]] + [cell(s, t) for t in COUNTED] for s in stacks]
    return table(["stack", *(RATES[t] for t in COUNTED)], rows)


def cost_table(fig, stacks):
    def cell(stack, test):
        mine, raw = fig.kinsn(stack, test), fig.kinsn("raw", test)
        if not mine:
            return "-"
        return f"{mine:.1f} ({mine - raw:+.1f})" if raw else f"{mine:.1f}"
    rows = [[STACKS[s]] + [cell(s, t) for t in COSTS] for s in stacks]
    return table(["stack", *COSTS.values()], rows)


def show(value, unit):
    if value is None:
        return "-"
    if unit in ("KiB", "MB/s"):
        return f"{value:.0f} {unit}"
    if unit == "thousand":
        return f"{value:.1f} thousand"
    digits = ".4f" if abs(value) < 0.01 or unit == "of raw" else ".3f"
    return f"{value:{digits}} {unit}".rstrip()


def aims_table(fig):
    rows = []
    for what, value, relation, aim, unit in aims.aims(fig):
        wanted = f"{relation} {show(aim, unit)}" if relation else "-"
        rows.append([what, show(value, unit), wanted, aims.verdict(value, relation, aim)])
    return table(["", "measured", "aim", ""], rows)


def wall_table(fig):
    rows = []
    for test, name in WALL.items():
        raw = fig.repetitions("raw", test)
        for stack in ("raw", "linear", "md-int", "replica"):
            found = fig.repetitions(stack, test)
            if not found or not raw:
                continue
            rates, median, spread = found
            rows.append([name, STACKS[stack], " / ".join(f"{r:.0f}" for r in rates),
                         f"{median:.0f}", f"{spread:.0%}", f"{median / raw[1]:.2f}"])
    return table(["test", "stack", "I/Os per second", "median", "spread", "to raw"], rows)


def replica_table(fig):
    """The operations' own figures."""
    rows = []
    for case, name in (("resync", "resync, 1310 changes all over"),
                       ("resync-hot", "resync, 1310 changes in 16 MiB"),
                       ("copy-idle", "full copy, idle"), ("copy-busy", "full copy, one writer")):
        v = fig.values(case)
        if not v:
            continue
        rows.append([name, f"{aims.copied(v) / aims.MIB:.2f}", f"{aims.seconds(v):.3f}",
                     f"{aims.rate_mb(v):.0f}", v["simA_reads"], v["simB_writes"],
                     str(int(v["simA_flushes"]) + int(v["simB_flushes"]))])
    return table(["", "MiB written", "seconds", "MB/s", "reads", "writes", "flushes"], rows)


def memory_table(fig):
    big = fig.values("big")
    if not big:
        return "Not measured.\n"

    def kib(key):
        return f"{aims.memory_kib(fig, key):.0f} KiB"

    def kernel(now, before):
        a, b = (list(map(int, big[k].split())) for k in (now, before))
        return f"{a[0] - b[0]} KiB slab, {a[1] - b[1]} KiB vmalloc"
    return table(["mirror of 1 TiB", "pool's status", "the kernel's difference"], [
        ["clean", kib("clean_memory"), kernel("clean_kernel", "before_kernel")],
        ["clean, 8000 random writes in flight extents", kib("used_memory"), "-"],
        ["all dirty", kib("dirty_memory"), kernel("dirty_kernel", "detached_kernel")],
        ["at worst", f"{int(big['dirty_memory'].split()[1]) / 1024:.0f} KiB", "-"],
    ])


def fracture_text(fig):
    v = fig.values("fracture")
    if not v:
        return ""
    cold = aims.divide(fig.iops("replica", "fractured-q1"), fig.iops("raw", "w4k-q1"))
    hot = aims.divide(fig.iops("replica", "fractured-hot-q1"), fig.iops("raw", "hot-q1"))
    ios = fig.ios("replica", "fractured-q1")
    return (f"A fractured mirror writes at {cold:.3f} of raw (cold) and {hot:.3f} (1 MiB, hot); "
            f"{v['commits']} journal commits for {ios} cold writes, {v['hot_commits']} for the "
            "hot ones.\n")


def chart(fig, stacks, path):
    shown = [s for s in stacks if s != "raw"]
    tests = ("w4k-q1", "w4k-q16", "s64k-q4", "fsync")
    lines = ["stack " + " ".join(f'"{RATES[t]}"' for t in tests)]
    for s in shown:
        name = STACKS[s].replace("*", "")
        lines.append(f'"{name}" ' + " ".join(f"{fig.ratio(s, t) or 0:.4f}" for t in tests))
    data = "$d << EOD\n" + "\n".join(lines) + "\nEOD\n"
    script = data + f"""
set terminal svg size 1000,440 font "sans,12" background "white"
set output "{path}"
set title "Writes through each stack, as a part of what the raw disk does"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.85 border -1
set yrange [0:1.15]
set ytics 0.2
set grid ytics
set xtics rotate by -25
set key outside top horizontal
plot for [c=2:{len(tests) + 1}] $d using c:xtic(1) title columnheader
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def as_json(fig, stacks, command):
    def clean(x):
        return round(x, 4) if isinstance(x, float) else x
    out = {"command": command, "kernel": fig.kernel(), "stacks": {}, "aims": []}
    for s in stacks:
        out["stacks"][s] = {
            "iops": {t: clean(fig.iops(s, t)) for t in RATES},
            "ratio_to_raw": {t: clean(fig.ratio(s, t)) for t in RATES},
            "latency_us": {t: clean(fig.latency_us(s, t)) for t in RATES},
            "device_io_per_host_io": {
                t: dict(zip(("reads", "writes", "flushes", "fua", "kib"), map(clean, found)))
                for t in COUNTED if (found := fig.per_io(s, t))},
            "kinsn_per_io": {t: clean(fig.kinsn(s, t)) for t in COSTS},
        }
    for what, value, relation, aim, unit in aims.aims(fig):
        out["aims"].append({"what": what, "measured": clean(value), "relation": relation,
                            "aim": aim, "unit": unit,
                            "verdict": aims.verdict(value, relation, aim).strip("*")})
    out["cases"] = {c: fig.values(c) for c in
                    ("fracture", "resync", "resync-hot", "copy-idle", "copy-busy", "big",
                     "turn-restore-randwrite", "turn-restore-randread",
                     "turn-failback-randwrite", "turn-failback-randread", "turn-changes",
                     "first-large", "first-small")}
    out["wall_clock"] = {f"{s}.{t}": {"iops": list(map(clean, found[0])), "spread": clean(found[2])}
                         for t in WALL for s in STACKS if (found := fig.repetitions(s, t))}
    return out


def write_documents(output, name, parts, figures):
    """NAME.md, which is NAME.md.in with its @PARTS@ filled in, and NAME.json."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, name + ".md.in"), encoding="utf-8") as f:
        text = f.read()
    for key, value in parts.items():
        text = text.replace(f"@{key}@\n", value).replace(f"@{key}@", value)
    with open(os.path.join(output, name + ".md"), "w", encoding="utf-8") as f:
        f.write(text)
    with open(os.path.join(output, name + ".json"), "w", encoding="utf-8") as f:
        json.dump(figures, f, indent=1)
        f.write("\n")


def main():
    results, output, command = sys.argv[1:]
    fig = Figures(results)
    stacks = [s for s in STACKS if fig.iops(s, "w4k-q1") or fig.iops(s, "r4k-q16")]
    with_writes = [s for s in stacks if fig.iops(s, "w4k-q1")]
    parts = {
        "COMMAND": command, "KERNEL": fig.kernel(), "AIMS": aims_table(fig),
        "RATES": rates_table(fig, stacks), "LATENCY": latency_table(fig, with_writes),
        "IO": io_table(fig, with_writes), "COST": cost_table(fig, stacks),
        "REPLICA": replica_table(fig), "FRACTURE": fracture_text(fig),
        "MEMORY": memory_table(fig), "WALL": wall_table(fig),
    }
    write_documents(output, "performance", parts, as_json(fig, stacks, command))
    chart(fig, with_writes, os.path.join(output, "performance.svg"))


if __name__ == "__main__":
    main()
