#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Make performance-snapshots.md and .json of a results directory.

usage: snapshot_report.py RESULTS OUTPUT-DIRECTORY COMMAND"""

import glob
import json
import os
import sys

from aims import clone_aims, verdict
from figures import Figures
from report import show, table, write_documents

RAW = "raw-0-0"
DISKS = ("simA", "simM", "simC")
TYPES = {"raw": "raw disk", "dmsnap": "dm-snapshot", "thin": "dm-thin", "replica": "**dm-replica**"}
RATES = {
    "w4k-q1": "first touch 4k QD1", "w4k-q16": "first touch 4k QD16",
    "fsync": "first touch 4k + fsync", "s64k-q4": "first touch seq. 64k QD4",
    "again-q1": "again 4k QD1", "source-r-q16": "read source 4k QD16",
    "snapshot-r-q16": "read snapshot 4k QD16",
}
COUNTED = ("w4k-q1", "w4k-q16", "fsync", "s64k-q4", "again-q1")


def name(stack):
    kind, snapshots, chunk = stack.split("-")
    if kind == "raw":
        return TYPES[kind]
    return f"{TYPES[kind]}, {snapshots} snapshot{'s' if snapshots != '1' else ''}, {int(chunk) // 2} KiB chunks"


def stacks_of(directory):
    found = {os.path.basename(p).split(".")[0]
             for p in glob.glob(os.path.join(directory, "*-*-*.w4k-q1.fio"))}

    def order(stack):
        kind, snapshots, chunk = stack.split("-")
        return list(TYPES).index(kind), int(chunk), int(snapshots)
    return sorted((s for s in found if s.split("-")[0] in TYPES), key=order)


def ratio(fig, stack, test):
    return fig.ratio(stack, test, RAW)


def spread(fig, stacks, test):
    """How far apart the rates of one, 16 and 64 snapshots are."""
    rates = [fig.iops(s, test) for s in stacks]
    return max(rates) / min(rates) - 1 if all(rates) else None


def one_io(fig, stack, test, index):
    found = fig.per_io(stack, test, DISKS)
    return found and found[index]


def worst_stall(fig):
    """Milliseconds that the longest write took while snapshots came and went."""
    path = os.path.join(fig.directory, "replica.thousand.fio")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as f:
        return json.load(f)["jobs"][0]["write"]["clat_ns"]["max"] / 1e6


def activation(fig):
    """Seconds until it is active, and the most MiB that it held then or after reads of the snapshot."""
    values = fig.values("million")
    if not values:
        return None, None
    peak = max(int(v.split()[0]) for k, v in values.items() if k in ("memory", "read_memory"))
    return int(values["ns"]) / 1e9, peak / (1 << 20)


def aims(fig):
    few, many = "replica-1-8", ["replica-1-8", "replica-16-8", "replica-64-8"]
    return [
        ("first touch QD1, 1 to 64 snapshots: apart by", spread(fig, many, "w4k-q1"), "<=", 0.05, ""),
        ("the same, QD16", spread(fig, many, "w4k-q16"), "<=", 0.05, ""),
        ("the same, fsync after each", spread(fig, many, "fsync"), "<=", 0.05, ""),
        ("first touch QD1, 4 KiB chunks", ratio(fig, few, "w4k-q1"), ">=", 0.25, "of raw"),
        ("first touch QD16, 4 KiB chunks", ratio(fig, few, "w4k-q16"), ">=", 0.35, "of raw"),
        ("first touch, fsync after each, 4 KiB chunks", ratio(fig, few, "fsync"), ">=", 0.40, "of raw"),
        ("first touch QD1, 64 KiB chunks", ratio(fig, "replica-1-128", "w4k-q1"), ">=", 0.19, "of raw"),
        ("reads of the disks per first touch, QD1", one_io(fig, few, "w4k-q1", 0), "<=", 1.0, ""),
        ("writes of the disks per first touch, QD1", one_io(fig, few, "w4k-q1", 1), "<=", 3.0, ""),
        ("the same, QD16: concurrent writers share a record", one_io(fig, few, "w4k-q16", 1), "<=", 3.0, ""),
        ("KiB per first touch, QD1", one_io(fig, few, "w4k-q1", 4), "<=", 16.0, ""),
        ("instructions per first touch", fig.kinsn(few, "cpu-w-q1"), "<=", 45.0, "thousand"),
        ("what is preserved is written again, 64 snapshots", ratio(fig, "replica-64-8", "again-q1"), ">=", 0.98, "of raw"),
        ("reads of the source", ratio(fig, "replica-64-8", "source-r-q16"), ">=", 0.99, "of raw"),
        ("reads of a snapshot, QD16, to dm-snapshot's",
         fig.ratio(few, "snapshot-r-q16", "dmsnap-1-8"), ">=", 1.0, ""),
        ("sequential 64 KiB QD4 over untouched area, 4 KiB chunks", ratio(fig, few, "s64k-q4"), ">=", 0.30, "of raw"),
        ("the same, 64 KiB chunks", ratio(fig, "replica-1-128", "s64k-q4"), ">=", 0.30, "of raw"),
        ("longest write while one of 1000 snapshots is taken or returned, milliseconds",
         worst_stall(fig), "<=", 50.0, ""),
        ("activation of a pool with a million preserved chunks, seconds", activation(fig)[0], "<=", 1.0, ""),
        ("memory that it holds, also after reads all over it, MiB", activation(fig)[1], "<=", 64.0, ""),
        *clone_aims(fig),
    ]


def aims_table(fig):
    rows = []
    for what, value, relation, aim, unit in aims(fig):
        rows.append([what, show(value, unit), f"{relation} {show(aim, unit)}",
                     verdict(value, relation, aim)])
    return table(["", "measured", "aim", ""], rows)


def rates_table(fig, stacks):
    def cell(stack, test):
        iops, part = fig.iops(stack, test), ratio(fig, stack, test)
        return "-" if iops is None else f"{iops:.0f} ({part:.3f})" if part else f"{iops:.0f}"
    return table(["", *RATES.values()],
                 [[name(s)] + [cell(s, t) for t in RATES] for s in stacks])


def io_table(fig, stacks):
    def cell(stack, test):
        found = fig.per_io(stack, test, DISKS)
        return "/".join(f"{x:.2f}" for x in found[:4]) + f"/{found[4]:.1f}" if found else "-"
    return table(["", *(RATES[t] for t in COUNTED)],
                 [[name(s)] + [cell(s, t) for t in COUNTED] for s in stacks])


def cost_table(fig, stacks):
    return table(["", "thousand instructions per first touch"],
                 [[name(s), f"{x:.1f}"] for s in stacks if (x := fig.kinsn(s, "cpu-w-q1"))])


def as_json(fig, stacks, command):
    def clean(x):
        return round(x, 4) if isinstance(x, float) else x
    return {
        "command": command, "kernel": fig.kernel(),
        "stacks": {s: {
            "iops": {t: clean(fig.iops(s, t)) for t in RATES},
            "ratio_to_raw": {t: clean(ratio(fig, s, t)) for t in RATES},
            "device_io_per_host_io": {
                t: dict(zip(("reads", "writes", "flushes", "fua", "kib"), map(clean, found)))
                for t in COUNTED if (found := fig.per_io(s, t, DISKS))},
            "kinsn_per_first_touch": clean(fig.kinsn(s, "cpu-w-q1")),
        } for s in stacks},
        "aims": [{"what": what, "measured": clean(value), "relation": relation, "aim": aim,
                  "unit": unit, "verdict": verdict(value, relation, aim).strip("*")}
                 for what, value, relation, aim, unit in aims(fig)],
    }


def main():
    results, output, command = sys.argv[1:]
    fig = Figures(results)
    stacks = stacks_of(results)
    parts = {"COMMAND": command, "KERNEL": fig.kernel(), "AIMS": aims_table(fig),
             "RATES": rates_table(fig, stacks), "IO": io_table(fig, stacks),
             "COST": cost_table(fig, stacks)}
    write_documents(output, "performance-snapshots", parts, as_json(fig, stacks, command))


main()
