#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Walk the state table of clones in the kernel; see clone-cells.sh.

As states.py does it for mirrors, whose classes it uses."""

import os
import sys
import traceback

import states
from states import Access, SOURCE, TARGET, Table, Walk


class Rig(states.Rig):
    """One pool, elements a and b, at most one clone."""

    def found(self):
        """The sync's words, of whichever element has a device, and whether that is a."""
        for device in (SOURCE, TARGET):
            if os.path.exists("/dev/mapper/" + device):
                words = self.dm.status(device).split(" ")
                for i in range(6, len(words), 8):
                    if int(words[i]) == self.sync:
                        return words[i:i + 8], device == SOURCE
                return None, None
        return None, None

    def words(self):
        words, _ = self.found()
        return words and (words[3], words[4], words[7])

    def role(self):
        words, of_a = self.found()
        return words and ("s" if (words[2] == "s") == of_a else "t")

    def create(self, *words):
        self.next_id += 10
        self.sync = self.next_id
        self.settle(self.dm.message("p", "create_sync", self.sync, "clone", *self.ids, *words))

    def finish_reverse(self):
        self.dm.message("p", "set", "sync:%d" % self.sync, "rate_limit=0")
        if self.state() == "suspended":
            self.modify(16, "force")
        elif self.state() in ("broken", "invalid"):
            self.modify(15, "force")
        self.wait({"restored"})

    def drop(self):
        super().drop()
        for aspect in self.aspects():
            self.dm.message("p", "delete_aspect", aspect)


def created_inactive(rig):
    rig.create("wait_for_copy_state=inactive")


def deactivated(rig):
    synchronized(rig)
    rig.modify(7)


def deactivated_unfinished(rig):
    unsynchronized(rig)
    rig.modify(7, "force")


def created_prepared(rig):
    rig.create("wait_for_copy_state=prepared")


def unprepared(rig):
    deactivated(rig)
    rig.modify(23)


def unsynchronized(rig):
    rig.create("rate_limit=1")


def unsynchronized_written(rig):
    unsynchronized(rig)
    rig.write(SOURCE, 9 << 20)
    rig.write(TARGET, 12 << 20)


def synchronized(rig):
    rig.create()
    rig.wait({"synchronized"})


def synchronized_source_changed(rig):
    synchronized(rig)
    rig.write(SOURCE, 1 << 20)


def resyncing(rig):
    split_changed(rig)
    # More than the limit lets pass before it holds.
    rig.write(SOURCE, 8 << 20, 4 << 20)
    rig.modify(14, "rate_limit=1")


def skewed(rig):
    synchronized(rig)
    rig.write(TARGET, 2 << 20)


def skewed_source_changed(rig):
    skewed(rig)
    rig.write(SOURCE, 3 << 20)


def fractured(rig):
    synchronized(rig)
    rig.modify(12)


def fractured_changed(rig):
    fractured(rig)
    rig.write(SOURCE, 1 << 20)
    rig.write(TARGET, 2 << 20)


def split(rig):
    synchronized(rig)
    rig.modify(21)


def split_changed(rig):
    split(rig)
    rig.write(SOURCE, 3 << 20)
    rig.write(TARGET, 4 << 20)


def suspended(rig):
    unsynchronized(rig)
    rig.modify(22)


def suspended_written(rig):
    unsynchronized_written(rig)
    rig.modify(22)


def requires_resume(rig):
    rig.create("rate_limit=1", "recovery_mode=manual")
    break_copy(rig)
    rig.disk("db", "offline", 0)
    rig.wait({"suspended"})
    assert rig.words()[1] == "requires-resume", rig.words()


def aborted(rig):
    unsynchronized(rig)
    rig.modify(2)


def break_copy(rig):
    rig.disk("db", "offline", 1)
    rig.dm.message("p", "set", "sync:%d" % rig.sync, "rate_limit=0")
    rig.wait({"broken"})


def broken(rig):
    unsynchronized(rig)
    break_copy(rig)


def broken_lost(rig):
    """The source was overwritten: there is no point in time any more."""
    broken(rig)
    rig.write(SOURCE, 12 << 20)
    assert rig.words()[1] == "requires-resync", rig.words()


def partitioned(rig):
    unsynchronized(rig)
    rig.detach_device(TARGET)
    rig.wait({"partitioned"})


def partitioned_source_gone(rig):
    unsynchronized_written(rig)
    rig.detach_device(SOURCE)
    rig.wait({"partitioned"})


def partitioned_suspended(rig):
    suspended(rig)
    rig.detach_device(TARGET)
    rig.wait({"partitioned"})


def replace(rig, device):
    rig.identity += 1
    rig.detach_device(device)
    rig.attach(device, "first%d" % rig.identity)
    if rig.state() != "invalid":
        rig.detach_device(device)
        rig.attach(device, "other%d" % rig.identity)
    rig.wait({"invalid"})


def invalid(rig):
    synchronized(rig)
    replace(rig, TARGET)


def invalid_unfinished(rig):
    unsynchronized(rig)
    replace(rig, TARGET)


def restored(rig):
    split(rig)
    rig.write(TARGET, 3 << 20)
    rig.modify(15)
    rig.wait({"restored"})


def restored_source_changed(rig):
    restored(rig)
    rig.write(SOURCE, 3 << 20)


def restored_target_changed(rig):
    restored(rig)
    rig.write(TARGET, 4 << 20)


def restoring(rig):
    split(rig)
    rig.write(TARGET, 8 << 20, 4 << 20)
    rig.modify(15, "rate_limit=1")


def restoring_suspended(rig):
    restoring(rig)
    rig.modify(22)


def restoring_aborted(rig):
    restoring(rig)
    rig.modify(2, "force")


def restoring_broken(rig):
    restoring(rig)
    break_copy(rig)


def restoring_partitioned(rig):
    restoring(rig)
    rig.detach_device(TARGET)
    rig.wait({"partitioned"})


def restoring_invalid(rig):
    restoring(rig)
    replace(rig, SOURCE)


SETUPS = [
    ("inactive", created_inactive), ("inactive", deactivated),
    ("inactive", deactivated_unfinished), ("prepared", created_prepared),
    ("prepared", unprepared), ("unsynchronized", unsynchronized),
    ("unsynchronized", unsynchronized_written), ("unsynchronized", resyncing),
    ("synchronized", synchronized), ("synchronized", synchronized_source_changed),
    ("skewed", skewed), ("skewed", skewed_source_changed), ("fractured", fractured),
    ("fractured", fractured_changed), ("split", split), ("split", split_changed),
    ("suspended", suspended), ("suspended", suspended_written),
    ("suspended", requires_resume), ("aborted", aborted), ("broken", broken),
    ("broken", broken_lost), ("partitioned", partitioned),
    ("partitioned", partitioned_source_gone), ("partitioned", partitioned_suspended),
    ("invalid", invalid), ("invalid", invalid_unfinished), ("restored", restored),
    ("restored", restored_source_changed), ("restored", restored_target_changed),
    ("unsynchronized", restoring), ("suspended", restoring_suspended),
    ("broken", restoring_aborted), ("broken", restoring_broken),
    ("partitioned", restoring_partitioned), ("invalid", restoring_invalid),
]


class CloneWalk(Walk):
    def check_executed(self, where, row, setup, role, state, answer):
        # What hosts wrote while it was copied is not in the table: see operations.rst.
        if row.operation == "resume" and row.after == "synchronized" and \
                "T" in self.rig.words()[2]:
            row.after = "skewed"
            super().check_executed(where, row, setup, role, state, answer)
            row.after = "synchronized"
            return
        super().check_executed(where, row, setup, role, state, answer)
        self.check_aspect(where, row)


def main():
    states.NOT_BUILT = set()
    rig = Rig(int(sys.argv[3]), int(sys.argv[4]))
    walk = CloneWalk(Table(sys.argv[1], "clone"), Access(sys.argv[2], "clone"), rig)
    for state, setup in SETUPS:
        if sys.argv[5:] and setup.__name__ not in sys.argv[5:]:
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
    return 0 if walk.cells else 1


if __name__ == "__main__":
    sys.exit(main())
