#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Walk the state table of mirrors in the kernel; see states.sh.

A sync is brought into every copy state that can be reached, every operation is
sent with and without Force, dry and real, and answer and resulting state are
compared with the table, and what hosts may do with the table of operations.rst.
What the kernel does not build yet must be refused with Not Supported."""

import errno
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from capabilities import listed  # noqa: E402
from dm import Dm  # noqa: E402

OPERATIONS = {
    2: "abort", 3: "activate-consistency", 4: "activate", 5: "add-sync-pair",
    6: "deactivate-consistency", 7: "deactivate", 8: "detach", 9: "dissolve",
    10: "failover", 11: "failback", 12: "fracture", 13: "remove-sync-pair",
    14: "resync-replica", 15: "restore-from-replica", 16: "resume",
    17: "reset-to-sync", 18: "reset-to-async", 19: "return-to-resource-pool",
    20: "reverse-roles", 21: "split", 22: "suspend", 23: "unprepare", 24: "prepare",
}
NOT_BUILT = {18}
ERRNO = {
    1: errno.EOPNOTSUPP, 2: errno.EIO, 3: errno.ETIMEDOUT, 4: errno.EREMOTEIO,
    5: errno.EINVAL, 6: errno.EBUSY, 32768: errno.EBADFD, 32769: errno.ECANCELED,
    32770: errno.ENOSPC, 32771: errno.ENOENT, 32772: errno.EACCES,
}
POOL, SOURCE, TARGET = "p", "p-a", "p-b"
SYS = "/sys/kernel/simdisk/"


class Row:
    """One line of the golden file."""

    def __init__(self, line):
        head, _, rest = line.partition(": ")
        self.type, self.operation, states, self.flags = head.split(" ")
        self.states = set(states.split(","))
        words, _, rest = rest.partition(", ")
        words = words.split(" ")
        self.verdict, self.value, self.marks = words[0], int(words[1]), set(words[2:])
        change, _, self.reason = rest.partition(": ")
        during, _, after = change.partition(" -> ")
        self.during = during.split("/")[0]
        self.after, _, self.progress_after = after.partition("/")

    def matches(self, state, flags, force):
        """flags: the letters of the status line: C, I, S, T, R."""
        value = {"r": "R" in flags, "m": "C" not in flags, "l": "I" not in flags,
                 "s": "S" in flags, "t": "T" in flags, "f": force}
        if state not in self.states:
            return False
        pairs = zip(self.flags[::2], self.flags[1::2])
        return all(v == "*" or value[k] == (v == "1") for k, v in pairs)


class Table:
    def __init__(self, path, sync_type):
        with open(path, encoding="ascii") as f:
            rows = [Row(line) for line in f.read().splitlines() if not line.startswith("#")]
        self.rows = [r for r in rows if r.type == sync_type]

    def row(self, operation, state, flags, force):
        found = [r for r in self.rows if r.operation == OPERATIONS[operation] and
                 r.matches(state, flags, force)]
        assert len(found) == 1, (operation, state, flags, force, found)
        return found[0]


class Access:
    """What hosts may do, from the table of a type in operations.rst."""

    NAMES = {"read, write": "write", "read": "read", "nothing": "none"}

    STATES = {"mirror": 15, "snapshot": 9, "clone": 13}

    def __init__(self, path, sync_type):
        with open(path, encoding="utf-8") as f:
            text = f.read().partition(".. generated: states " + sync_type)[2]
        self.rows = {}
        for row in text.partition(".. end of generated part")[0].split("   * - ")[2:]:
            cells = [c.strip() for c in row.split("\n     - ")]
            state = cells[0].partition(" (")[0].lower()
            self.rows[state] = [self.NAMES[c] for c in cells[1:5]]
        assert len(self.rows) == self.STATES[sync_type], self.rows

    def of(self, state, flags):
        """(source, target)"""
        row = self.rows[state]
        return tuple(row[2:] if "R" in flags else row[:2])


class Rig:
    """One pool, elements a and b, at most one sync."""

    def __init__(self, source_id, target_id):
        self.dm = Dm()
        self.ids = source_id, target_id
        self.sync = 0
        self.tables = {d: self.shell("dmsetup", "table", d).strip() for d in (SOURCE, TARGET)}
        self.identity = 0
        self.next_id = 1000

    def shell(self, *command):
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def aspects(self):
        listed = json.loads(self.shell("replctl", "aspect", "list", "--json"))["Aspects"]
        return [aspect["AspectID"] for aspect in listed]

    def disk(self, name, key, value):
        with open(SYS + name + "/" + key, "w", encoding="ascii") as f:
            f.write(str(value))

    def words(self):
        """State, progress, flags of the sync, or None."""
        words = self.dm.status(SOURCE).split(" ")
        for i in range(6, len(words), 8):
            if int(words[i]) == self.sync:
                return words[i + 3], words[i + 4], words[i + 7]
        return None

    def role(self):
        """Of element a: s or t."""
        words = self.dm.status(SOURCE).split(" ")
        for i in range(6, len(words), 8):
            if int(words[i]) == self.sync:
                return words[i + 2]
        return None

    def access(self):
        """What hosts may do to (source, target); "gone" without a device."""
        found = [self.dm.status(d).split(" ")[3] if os.path.exists("/dev/mapper/" + d) else "gone"
                 for d in (SOURCE, TARGET)]
        return tuple(found if self.role() == "s" else reversed(found))

    def state(self):
        words = self.words()
        return words[0] if words else "none"

    def wait(self, states, seconds=60):
        end = time.monotonic() + seconds
        while self.state() not in states:
            if time.monotonic() > end:
                raise TimeoutError("%s instead of %s" % (self.words(), states))
            time.sleep(0.02)

    def modify(self, operation, *words):
        return self.settle(self.dm.message(POOL, "modify", operation, self.sync, *words))

    def settle(self, answer):
        """A slow request went on as a job: what became of it? As if it had
        answered in time: "0", a copy's "4096 job=", or OSError."""
        words = answer.split(" ")
        if words[0] != "4096":
            return answer
        number = words[1].partition("=")[2]
        while True:
            text = self.shell("replctl", "job", "show", POOL + "/" + number, "--json")
            job = json.loads(text)
            job = job["Jobs"][0] if "Jobs" in job else job
            if job["Synchronization"]:
                return answer
            if job["EndTime"]:
                break
            time.sleep(0.05)
        if job["ErrorCode"]["value"]:
            code = ERRNO[job["ErrorCode"]["value"]]
            raise OSError(code, os.strerror(code))
        return "0"

    def write(self, device, offset, count=4096):
        data = os.urandom(count)
        with open("/dev/mapper/" + device, "r+b", buffering=0) as f:
            f.seek(offset)
            f.write(data)
            os.fsync(f.fileno())

    def attach(self, device, identity=None):
        table = self.tables[device]
        if identity:
            table = " ".join(table.split(" ")[:6]) + " 1 identity=" + identity
        self.shell("dmsetup", "create", device, "--table", table)

    def detach_device(self, device):
        self.shell("dmsetup", "remove", "--retry", device)

    def create(self, *words):
        # Ids are chosen here, with room for aspects' between: a slow request
        # answers with a job before it knows one.
        self.next_id += 10
        self.sync = self.next_id
        self.settle(self.dm.message(POOL, "create_sync", self.sync, "mirror", *self.ids, *words))

    def finish_reverse(self):
        """An unfinished restore or failback has to end before its sync can go."""
        self.dm.message(POOL, "set", "sync:%d" % self.sync, "rate_limit=0")
        if self.state() in ("broken", "partitioned"):
            try:
                self.wait({"unsynchronized", "restored", "synchronized"}, 5)
            except TimeoutError:
                pass
        state = self.state()
        if state == "suspended":
            self.modify(16, "force")
        elif state in ("broken", "invalid"):
            self.modify(15, "force")
        self.wait({"restored", "synchronized"})

    def drop(self):
        """No sync, both disks healthy, both elements attached."""
        for disk in ("da", "db"):
            self.disk(disk, "offline", 0)
        for device in (SOURCE, TARGET):
            if not os.path.exists("/dev/mapper/" + device):
                self.attach(device)
        if self.sync and self.words() and "R" in self.words()[2]:
            self.finish_reverse()
        if self.sync and self.state() != "none":
            self.modify(8, "force")
        self.sync = 0


def initialized(rig):
    rig.create("wait_for_copy_state=initialized")


def created_inactive(rig):
    rig.create("wait_for_copy_state=inactive")


def unsynchronized(rig):
    rig.create("rate_limit=1")
    rig.wait({"unsynchronized"})


def synchronized(rig):
    rig.create()
    rig.wait({"synchronized"})


def resyncing(rig):
    fractured_changed(rig)
    # More than the limit lets pass before it holds.
    rig.write(SOURCE, 8 << 20, 4 << 20)
    rig.modify(14, "rate_limit=1")


def inactive(rig):
    synchronized(rig)
    rig.modify(7)


def fractured(rig):
    synchronized(rig)
    rig.modify(12)


def fractured_changed(rig):
    fractured(rig)
    rig.write(SOURCE, 1 << 20)
    rig.write(TARGET, 2 << 20)


def fractured_mixed(rig):
    unsynchronized(rig)
    rig.modify(12, "force")


def split(rig):
    synchronized(rig)
    rig.modify(21)


def split_changed(rig):
    split(rig)
    rig.write(SOURCE, 3 << 20)
    rig.write(TARGET, 4 << 20)


def suspended(rig):
    synchronized(rig)
    rig.modify(22)


def suspended_changed(rig):
    suspended(rig)
    rig.write(SOURCE, 5 << 20)


def suspended_mixed(rig):
    unsynchronized(rig)
    rig.modify(22)


def prepared(rig):
    suspended(rig)
    rig.modify(7)
    rig.modify(24)


def aborted(rig):
    unsynchronized(rig)
    rig.modify(2)


def aborted_initialized(rig):
    initialized(rig)
    rig.modify(2)


def broken(rig):
    synchronized(rig)
    rig.disk("db", "offline", 1)
    rig.write(SOURCE, 6 << 20)
    rig.wait({"broken"})


def broken_manual(rig):
    rig.create("recovery_mode=manual")
    rig.wait({"synchronized"})
    rig.disk("db", "offline", 1)
    rig.write(SOURCE, 6 << 20)
    rig.wait({"broken"})


def requires_resume(rig):
    broken_manual(rig)
    rig.disk("db", "offline", 0)
    rig.wait({"suspended"})
    assert rig.words()[1] == "requires-resume", rig.words()


def partitioned(rig):
    synchronized(rig)
    rig.detach_device(TARGET)
    rig.write(SOURCE, 7 << 20)
    rig.wait({"partitioned"})


def invalid(rig):
    synchronized(rig)
    rig.identity += 1
    rig.detach_device(TARGET)
    rig.attach(TARGET, "first%d" % rig.identity)
    if rig.state() != "invalid":
        rig.wait({"synchronized"})
        rig.detach_device(TARGET)
        rig.attach(TARGET, "other%d" % rig.identity)
    rig.wait({"invalid"})


def failedover(rig):
    synchronized(rig)
    rig.modify(10)


def failedover_changed(rig):
    failedover(rig)
    rig.write(TARGET, 1 << 20)


def failedover_source_newer(rig):
    suspended_changed(rig)
    rig.modify(10, "force")


def failedover_mixed(rig):
    unsynchronized(rig)
    rig.modify(10, "force")


def failedover_source_gone(rig):
    synchronized(rig)
    rig.detach_device(SOURCE)
    rig.modify(10)
    rig.attach(SOURCE)


def reversed_roles(rig):
    synchronized(rig)
    rig.modify(20)


def reversed_failedover(rig):
    failedover_changed(rig)
    rig.modify(20)


def reversed_with_loss(rig):
    failedover_source_newer(rig)
    rig.modify(20)


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


def restoring_partitioned(rig):
    restoring(rig)
    rig.detach_device(TARGET)
    rig.wait({"partitioned"})


def restoring_requires_resume(rig):
    rig.create("recovery_mode=manual")
    rig.wait({"synchronized"})
    rig.modify(21)
    rig.write(TARGET, 3 << 20)
    rig.disk("da", "offline", 1)
    rig.modify(15, "rate_limit=1")
    rig.wait({"broken"})
    rig.disk("da", "offline", 0)
    rig.wait({"suspended"})
    assert rig.words()[1] == "requires-resume", rig.words()


def restoring_invalid(rig):
    """The target comes back as another disk."""
    restoring(rig)
    rig.identity += 1
    rig.detach_device(TARGET)
    rig.attach(TARGET, "first%d" % rig.identity)
    if rig.state() != "invalid":
        rig.wait({"unsynchronized"})
        rig.detach_device(TARGET)
        rig.attach(TARGET, "other%d" % rig.identity)
    rig.wait({"invalid"})
    assert "R" in rig.words()[2], rig.words()


def restoring_broken(rig):
    """The target cannot be read any more."""
    restoring(rig)
    rig.disk("db", "offline", 1)
    rig.dm.message(POOL, "set", "sync:%d" % rig.sync, "rate_limit=0")
    rig.wait({"broken"})
    assert "R" in rig.words()[2], rig.words()


def failing_back(rig):
    failedover(rig)
    rig.write(TARGET, 8 << 20, 4 << 20)
    rig.modify(11, "rate_limit=1")


def failing_back_suspended(rig):
    failing_back(rig)
    rig.modify(22)


def failing_back_aborted(rig):
    failing_back(rig)
    rig.modify(2, "force")


def failing_back_partitioned(rig):
    failing_back(rig)
    rig.detach_device(TARGET)
    rig.wait({"partitioned"})


SETUPS = [
    ("initialized", initialized), ("inactive", created_inactive), ("inactive", inactive),
    ("unsynchronized", unsynchronized), ("unsynchronized", resyncing),
    ("synchronized", synchronized), ("fractured", fractured),
    ("fractured", fractured_changed), ("fractured", fractured_mixed),
    ("split", split), ("split", split_changed), ("suspended", suspended),
    ("suspended", suspended_changed), ("suspended", suspended_mixed),
    ("suspended", requires_resume), ("prepared", prepared), ("aborted", aborted),
    ("aborted", aborted_initialized), ("broken", broken), ("broken", broken_manual),
    ("partitioned", partitioned), ("invalid", invalid),
    ("failedover", failedover), ("failedover", failedover_changed),
    ("failedover", failedover_source_newer), ("failedover", failedover_mixed),
    ("failedover", failedover_source_gone), ("synchronized", reversed_roles),
    ("suspended", reversed_failedover), ("suspended", reversed_with_loss),
    ("restored", restored), ("restored", restored_source_changed),
    ("restored", restored_target_changed), ("unsynchronized", restoring),
    ("suspended", restoring_suspended), ("broken", restoring_aborted),
    ("partitioned", restoring_partitioned), ("unsynchronized", failing_back),
    ("suspended", failing_back_suspended), ("broken", failing_back_aborted),
    ("suspended", restoring_requires_resume), ("partitioned", failing_back_partitioned),
    ("invalid", restoring_invalid), ("broken", restoring_broken),
]


class Walk:
    def __init__(self, table, access, rig):
        self.table, self.access, self.rig = table, access, rig
        self.bad = self.cells = 0
        self.listed = {}        # by capabilities, of the setup that is walked

    def complain(self, where, text):
        self.bad += 1
        print("bad %s: %s" % (where, text), flush=True)

    def expect(self, operation, state, flags, force):
        """The row, and the errnos that are right (empty: success)."""
        row = self.table.row(operation, state, flags, force)
        if operation in NOT_BUILT:
            return row, {errno.EOPNOTSUPP}
        if row.verdict == "refuse":
            return row, {ERRNO[row.value]}
        # Hosts cannot go on with a disk that is not there; the table knows no disks.
        if operation == 10 and not os.path.exists("/dev/mapper/" + TARGET):
            return row, {errno.EBADFD}
        return row, set()

    def send(self, where, operation, words, errors):
        """The answer or None; complains when it is not as expected."""
        if operation in (5, 13):
            words = words + ["pair:1"]
        try:
            answer = self.rig.modify(operation, *words)
        except OSError as e:
            if e.errno not in errors:
                self.complain(where, "%s (%s)" % (os.strerror(e.errno), e.errno))
            return None
        if errors:
            self.complain(where, "answered '%s' instead of %s" %
                          (answer, [os.strerror(e) for e in errors]))
        return answer

    def check_access(self, where):
        words = self.rig.words()
        if words:
            found, want = self.rig.access(), self.access.of(words[0], words[2])
            if any(f not in (w, "gone") for f, w in zip(found, want)):
                self.complain(where, "hosts may do %s instead of %s (%s)" % (found, want, words))

    def check_listed(self, where, operation, force, answer):
        """What a dry run accepts is listed by capabilities, and nothing else."""
        if self.listed[operation][force] != (answer is not None):
            self.complain(where, "is listed as %s, a dry run answers %s" %
                          (self.listed[operation], answer))

    def check_aspect(self, where, row):
        """What dissolve leaves; a slow request's answer does not name it."""
        if row.operation == "dissolve" and len(self.rig.aspects()) != 1:
            self.complain(where, "aspects are left: %s" % self.rig.aspects())

    def check_executed(self, where, row, setup, role, state, answer):
        value = answer.split(" ")[0]
        job = "job" in row.marks
        if value != ("4096" if job else "0"):
            self.complain(where, "answered '%s'" % answer)
        if "removes" in row.marks:
            want = {"none"}
        else:
            want = {state if row.after == "same" else row.after}
            # Resume goes where it went before; the table knows no Failback that was suspended.
            if row.operation == "resume" and setup.__name__.startswith("failing_back"):
                want = {"synchronized"}
        try:
            self.rig.wait(want, 30 if job else 1)
        except TimeoutError as e:
            self.complain(where, "leads to %s" % e)
            return
        words = self.rig.words()
        if words and words[1] != row.progress_after:
            self.complain(where, "progress %s instead of %s" % (words[1], row.progress_after))
        self.check_access(where)
        swapped = row.operation == "reverse-roles"
        if words and (self.rig.role() != role) != swapped:
            self.complain(where, "role of a was %s and is %s" % (role, self.rig.role()))

    def cell(self, name, setup, operation, force):
        """True when the sync was used up."""
        rig = self.rig
        before = rig.words()
        state, _, flags = before
        words = ["force"] if force else []
        where = "%s (%s %s) %s%s" % (name, state, flags, OPERATIONS[operation],
                                     " force" if force else "")
        row, errors = self.expect(operation, state, flags, force)
        self.cells += 1
        if os.path.exists("/dev/mapper/" + TARGET) or operation != 10:
            self.check_listed(where, operation, force,
                              self.send(where + " dry", operation, words + ["dry_run"], errors))
        if rig.words() != before:
            self.complain(where, "a dry run changed %s to %s" % (before, rig.words()))
            return True
        if row.verdict == "execute" and not errors:
            if state in ("broken", "partitioned") and "job" in row.marks:
                rig.disk("db", "offline", 0)
            rate = ["rate_limit=0"] if "job" in row.marks else []
            role = rig.role()
            answer = self.send(where, operation, words + rate, errors)
            if answer is not None:
                self.check_executed(where, row, setup, role, state, answer)
            return True
        self.send(where, operation, words, errors)
        if rig.words() != before:
            self.complain(where, "was refused or without change, but %s became %s" %
                          (before, rig.words()))
            return True
        return False

    def walk(self, state, setup):
        used, self.listed = True, {}
        cells, bad, start = self.cells, self.bad, time.monotonic()
        for operation in OPERATIONS:
            for force in (False, True):
                if used:
                    self.rig.drop()
                    setup(self.rig)
                    if self.rig.state() != state:
                        self.complain(setup.__name__, "is %s" % (self.rig.words(),))
                        return
                    self.check_access(setup.__name__)
                    if not self.listed:
                        self.listed = listed("sync%d" % self.rig.sync)[0]
                used = self.cell(setup.__name__, setup, operation, force)
        if bad == self.bad:
            print("ok %s (%s): %d cells in %.1f s" % (
                setup.__name__.replace("_", " "), state, self.cells - cells,
                time.monotonic() - start), flush=True)


def main():
    rig = Rig(int(sys.argv[3]), int(sys.argv[4]))
    walk = Walk(Table(sys.argv[1], "mirror"), Access(sys.argv[2], "mirror"), rig)
    only = sys.argv[5:]
    for state, setup in SETUPS:
        if only and setup.__name__ not in only:
            continue
        try:
            walk.walk(state, setup)
        except (OSError, TimeoutError, AssertionError, subprocess.CalledProcessError) as e:
            detail = getattr(e, "stderr", "") or ""
            walk.complain(setup.__name__, "cannot go on: %r %s" % (e, detail))
            walk.rig.sync = walk.rig.sync or 0
    try:
        rig.drop()
    except OSError:
        pass
    return 0 if walk.cells else 1


if __name__ == "__main__":
    sys.exit(main())
