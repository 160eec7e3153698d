#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Walk the state table of snapshots in the kernel; see snapshot-states.sh.

As states.py does it for mirrors, whose classes it uses."""

import json
import os
import sys
import time
import traceback

import states
from capabilities import listed
from states import Access, OPERATIONS, Table, Walk

ELEMENT, SNAPSHOT = "p-a", "p-x"
NOT_BUILT = set()


class Rig(states.Rig):
    """One pool, the element a, at most one snapshot of it, x, and that one's element."""

    def __init__(self, source_id):
        states.TARGET = SNAPSHOT
        self.tables = {}
        self.dm = states.Dm()
        self.source_id = source_id
        self.sync = self.target = self.aspect = 0
        self.next_id = 1000
        self.tables[ELEMENT] = self.shell("dmsetup", "table", ELEMENT).strip()
        self.sectors = int(self.tables[ELEMENT].split(" ")[1])

    def words(self):
        for device in (ELEMENT, SNAPSHOT):
            if not os.path.exists("/dev/mapper/" + device):
                continue
            words = self.dm.status(device).split(" ")
            for i in range(6, len(words), 8):
                if int(words[i]) == self.sync:
                    return words[i + 3], words[i + 4], words[i + 7]
            return None
        syncs = json.loads(self.shell("replctl", "list", "--json"))["Synchronizations"]
        for sync in syncs:
            if sync["SynchronizationID"] == self.sync:
                return (sync["CopyState"]["name"].lower(), "", "CIS" if sync["SourceChanged"] else "CI")
        return None

    def role(self):
        return "s" if self.words() else None

    def create(self, *words):
        self.next_id += 10
        self.sync, self.target = self.next_id, self.next_id + 5
        self.settle(self.dm.message("p", "create_sync", self.sync, "snapshot", self.source_id,
                                    self.target, "target_name=x", *words))
        self.tables[SNAPSHOT] = "0 %d replica /dev/mapper/p %d" % (self.sectors, self.target)
        self.attach(SNAPSHOT)

    def disk(self, name, key, value):
        """The walk of mirrors mends the target's disk, which there is none of."""

    def remove_snapshot_device(self):
        if os.path.exists("/dev/mapper/" + SNAPSHOT):
            self.detach_device(SNAPSHOT)

    def used_chunks(self):
        return int(self.dm.status("p").split(" ")[-3].split("/")[0])

    def drop(self):
        """No snapshot, no aspect, no virtual element; the space is back."""
        if not os.path.exists("/dev/mapper/" + ELEMENT):
            self.attach(ELEMENT)
        if not self.sync:
            return
        words = self.words()
        if words and "R" in words[2]:
            self.finish_reverse()
        there = words is not None
        self.remove_snapshot_device()
        if there:
            self.modify(19, "force")
        for aspect in self.aspects():
            self.dm.message("p", "delete_aspect", aspect)
        elements = json.loads(self.shell("replctl", "element", "list", "--json"))["Elements"]
        if any(e["ElementID"] == self.target for e in elements):
            self.dm.message("p", "delete_element", self.target)
        self.sync = 0
        end = time.monotonic() + 60
        while self.used_chunks():
            if time.monotonic() > end:
                raise TimeoutError("%d chunks stay in use" % self.used_chunks())
            time.sleep(0.05)


def synchronized(rig):
    rig.create()


def skewed(rig):
    rig.create()
    rig.write(SNAPSHOT, 1 << 20)


def synchronized_source_changed(rig):
    synchronized(rig)
    rig.write(ELEMENT, 2 << 20)


def skewed_source_changed(rig):
    skewed(rig)
    rig.write(ELEMENT, 2 << 20)


def inactive(rig):
    rig.create("wait_for_copy_state=inactive")


def deactivated(rig):
    skewed(rig)
    rig.modify(7)


def broken(rig):
    """More is overwritten than COW space takes."""
    rig.create()
    for mib in range(16):
        rig.write(ELEMENT, mib << 20, 1 << 20)
    rig.wait({"broken"})


def partitioned(rig):
    rig.create()
    rig.detach_device(ELEMENT)
    rig.wait({"partitioned"})


def invalid(rig):
    """The source is changed while the pool does not look."""
    rig.create()
    change_unseen(rig)


def change_unseen(rig):
    rig.detach_device(ELEMENT)
    with open("/dev/da", "r+b", buffering=0) as f:
        f.write(os.urandom(4096))
        os.fsync(f.fileno())
    rig.attach(ELEMENT)
    rig.wait({"invalid"})


def restored(rig):
    synchronized_source_changed(rig)
    rig.modify(15, "force")
    rig.wait({"restored"})


def restored_source_changed(rig):
    restored(rig)
    rig.write(ELEMENT, 3 << 20)


def restored_target_changed(rig):
    restored(rig)
    rig.write(SNAPSHOT, 4 << 20)


def restoring(rig):
    rig.create()
    # More than the limit lets pass before it holds.
    rig.write(ELEMENT, 8 << 20, 4 << 20)
    rig.modify(15, "force", "rate_limit=1")


def restoring_written(rig):
    restoring(rig)
    rig.write(ELEMENT, 9 << 20)


def restoring_suspended(rig):
    restoring(rig)
    rig.modify(22)


def restoring_aborted(rig):
    restoring(rig)
    rig.modify(2, "force")


def restoring_partitioned(rig):
    restoring(rig)
    rig.detach_device(ELEMENT)
    rig.wait({"partitioned"})


def restoring_invalid(rig):
    restoring(rig)
    change_unseen(rig)


SETUPS = [
    ("synchronized", synchronized), ("synchronized", synchronized_source_changed),
    ("skewed", skewed), ("skewed", skewed_source_changed), ("inactive", inactive),
    ("inactive", deactivated), ("broken", broken), ("partitioned", partitioned),
    ("invalid", invalid), ("restored", restored), ("restored", restored_source_changed),
    ("restored", restored_target_changed), ("unsynchronized", restoring),
    ("unsynchronized", restoring_written), ("suspended", restoring_suspended),
    ("broken", restoring_aborted), ("partitioned", restoring_partitioned),
    ("invalid", restoring_invalid),
]


def is_wanted(name, words):
    """words: names of setups, "restores" and "others"."""
    return not words or name in words or \
        ("restores" if name.startswith("restor") else "others") in words


class SnapshotWalk(Walk):
    def cell(self, name, setup, operation, force):
        # What is returned has no device that can be opened; what is restored from stays.
        if operation == 19 and "R" not in self.rig.words()[2]:
            self.rig.remove_snapshot_device()
            self.listed[operation] = listed("sync%d" % self.rig.sync)[0][operation]
        return super().cell(name, setup, operation, force)

    def check_executed(self, where, row, setup, role, state, answer):
        # Dissolve's target is there, but it belongs to no sync any more.
        super().check_executed(where, row, setup, role, state, answer)
        self.check_aspect(where, row)


def main():
    states.NOT_BUILT = NOT_BUILT
    rig = Rig(int(sys.argv[3]))
    walk = SnapshotWalk(Table(sys.argv[1], "snapshot"), Access(sys.argv[2], "snapshot"), rig)
    for state, setup in SETUPS:
        if not is_wanted(setup.__name__, sys.argv[4:]):
            continue
        try:
            walk.walk(state, setup)
        except Exception as e:  # noqa: BLE001 - whatever it is, the walk goes on
            where = traceback.extract_tb(e.__traceback__)[-3:]
            walk.complain(setup.__name__, "cannot go on: %r in %s" % (e, where))
    try:
        rig.drop()
    except OSError:
        pass
    return 0 if walk.cells and len(OPERATIONS) else 1


if __name__ == "__main__":
    sys.exit(main())
