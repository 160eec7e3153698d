#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A block device beside a file that says what it has to hold, its model.

usage: shadow.py VERB DEVICE MODEL [KEY=VALUE]...

  take       the model becomes what the device holds
  compare    the device holds what the model says
  write      count= random writes to both; then the device is compared there
  mix        count= random writes and reads, each read compared
  until      random writes until one fails, as when the power or the right to
             write goes. What is promised then goes into the model: what was
             flushed, with acked=1 all that was acknowledged. The rest, which
             may be there or not, waits in MODEL.pending.N
  settle     after that: each sector is what was promised or a later write; the
             model becomes what was found

  seed=1 first=0 last=SECTORS min=1 max=128 (sectors of a request) procs=1
  (processes, each with its own part) zeroes=0 (1: some writes are
  write-zeroes) seconds=60 (limit of until) align=1 (sectors)
"""
import fcntl
import mmap
import os
import pickle
import struct
import sys
import time

SECTOR = 512
BLKZEROOUT = 0x127F
MAX = 2048


class Random:
    """The places of requests; the module random is slow to load in an emulated machine."""

    def __init__(self, seed, part):
        self.state = (seed * 2654435761 + part * 40503 + 1) & (1 << 64) - 1

    def below(self, limit):
        x = self.state
        x ^= x << 13 & (1 << 64) - 1
        x ^= x >> 7
        x ^= x << 17 & (1 << 64) - 1
        self.state = x
        return (x >> 16) % limit


class Side:
    """The device, past the page cache."""

    def __init__(self, path, writable):
        self.path = path
        self.fd = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_DIRECT)
        self.sectors = os.lseek(self.fd, 0, os.SEEK_END) // SECTOR
        self.memory = mmap.mmap(-1, MAX * SECTOR)

    def read(self, sector, count):
        view = memoryview(self.memory)[:count * SECTOR]
        if os.preadv(self.fd, [view], sector * SECTOR) != len(view):
            raise OSError(5, "short read of " + self.path)
        return bytes(view)

    def write(self, sector, data, flags=0):
        self.memory[:len(data)] = data
        view = memoryview(self.memory)[:len(data)]
        if os.pwritev(self.fd, [view], sector * SECTOR, flags) != len(data):
            raise OSError(5, "short write of " + self.path)

    def zero(self, sector, count):
        fcntl.ioctl(self.fd, BLKZEROOUT, struct.pack("=QQ", sector * SECTOR, count * SECTOR))


class Model:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def read(self, sector, count):
        return os.pread(self.fd, count * SECTOR, sector * SECTOR)

    def write(self, sector, data):
        os.pwrite(self.fd, data, sector * SECTOR)


class Job:
    """One process' part of the work."""

    def __init__(self, device, model, part, args):
        self.args, self.part = args, part
        self.model = Model(model)
        self.side = Side(device, True)
        self.random = Random(args["seed"], part)
        first, last = args["first"], min(args["last"], self.side.sectors)
        size = (last - first) // args["procs"]
        self.first, self.last = first + part * size, first + (part + 1) * size

    def place(self):
        align = self.args["align"]
        low, below = self.args["min"], self.random.below
        count = low + below(self.args["max"] - low + 1)
        # Small requests are as frequent as large ones.
        count = max(low, count >> below(8))
        sector = self.first + below(max(1, self.last - self.first - count))
        sector -= sector % align
        count = max(align, count - count % align)
        return sector, min(count, self.last - sector)

    def write_one(self, flags=0):
        sector, count = self.place()
        if self.args["zeroes"] and self.random.below(8) == 0:
            self.side.zero(sector, count)
            self.model.write(sector, bytes(count * SECTOR))
            return sector, count
        data = os.urandom(count * SECTOR)
        self.side.write(sector, data, flags)
        self.model.write(sector, data)
        return sector, count

    def check(self, sector, count):
        found, wanted = self.side.read(sector, count), self.model.read(sector, count)
        if found != wanted:
            complain(self.side.path, sector, found, wanted)

    def write(self):
        done = [self.write_one() for _ in range(self.args["count"])]
        for sector, count in done:
            self.check(sector, count)

    def mix(self):
        for _ in range(self.args["count"]):
            if self.random.below(2):
                self.write_one()
            else:
                self.check(*self.place())

    def until(self, path):
        pending, end = {}, time.monotonic() + self.args["seconds"]
        try:
            while time.monotonic() < end:
                self.until_step(pending)
        except OSError as error:
            print("%s part %d: %s" % (self.side.path, self.part, error.strerror))
            with open("%s.pending.%d" % (path, self.part), "wb") as f:
                pickle.dump(pending, f)
            return
        sys.exit("%s: nothing failed within %d s" % (self.side.path, self.args["seconds"]))

    def until_step(self, pending):
        if not self.args["acked"] and self.random.below(16) == 0:
            os.fsync(self.side.fd)
            for sector, versions in pending.items():
                self.model.write(sector, versions[-1])
            pending.clear()
            return
        sector, count = self.place()
        data = os.urandom(count * SECTOR)
        for i in range(count):
            pending.setdefault(sector + i, []).append(data[i * SECTOR:(i + 1) * SECTOR])
        durable = self.random.below(16) == 0
        self.side.write(sector, data, os.RWF_DSYNC if durable else 0)
        if durable or self.args["acked"]:
            self.model.write(sector, data)
            for i in range(count):
                pending.pop(sector + i)


def complain(path, sector, found, wanted):
    count = len(found) // SECTOR
    bad = [i for i in range(count)
           if found[i * SECTOR:(i + 1) * SECTOR] != wanted[i * SECTOR:(i + 1) * SECTOR]]
    sys.exit("%s: sector %d (%d of %d sectors there) is not what it has to be: %s instead of %s" % (
        path, sector + bad[0], len(bad), count, found[bad[0] * SECTOR:][:8].hex(),
        wanted[bad[0] * SECTOR:][:8].hex()))


def chunks(side, args):
    last = min(args["last"], side.sectors)
    for sector in range(args["first"], last, MAX):
        yield sector, min(MAX, last - sector)


def take(device, model, args):
    side, model = Side(device, False), Model(model)
    for sector, count in chunks(side, args):
        model.write(sector, side.read(sector, count))


def compare(device, model, args):
    side, model = Side(device, False), Model(model)
    for sector, count in chunks(side, args):
        found, wanted = side.read(sector, count), model.read(sector, count)
        if found != wanted:
            complain(device, sector, found, wanted)
    if args["differs"]:
        sys.exit("%s: it differed from the model when it was read before" % device)


def settle(device, path, args):
    side, model, pending = Side(device, False), Model(path), {}
    for part in range(args["procs"]):
        name = "%s.pending.%d" % (path, part)
        with open(name, "rb") as f:
            pending.update(pickle.load(f))
        os.unlink(name)
    for sector, count in chunks(side, args):
        found, wanted = side.read(sector, count), model.read(sector, count)
        if found == wanted:
            continue
        for i in range(count):
            here = found[i * SECTOR:(i + 1) * SECTOR]
            then = wanted[i * SECTOR:(i + 1) * SECTOR]
            if here != then and here not in pending.get(sector + i, []):
                complain(device, sector + i, here, then)
        model.write(sector, found)


def in_parts(verb, device, path, args):
    children = []
    for part in range(args["procs"]):
        pid = os.fork()
        if not pid:
            job = Job(device, path, part, args)
            if verb == "until":
                job.until(path)
            else:
                getattr(job, verb)()
            sys.stdout.flush()
            os._exit(0)
        children.append(pid)
    return max(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid in children)


def main():
    verb, device, path = sys.argv[1:4]
    args = {"seed": 1, "first": 0, "last": 1 << 60, "min": 1, "max": 128, "procs": 1,
            "count": 100, "zeroes": 0, "seconds": 60, "align": 1, "acked": 0, "differs": 0}
    for word in sys.argv[4:]:
        key, _, value = word.partition("=")
        if key not in args:
            sys.exit("shadow.py: there is no '%s'" % key)
        args[key] = int(value)
    whole = {"take": take, "compare": compare, "settle": settle}
    if verb in whole:
        whole[verb](device, path, args)
    elif verb in ("write", "mix", "until"):
        sys.exit(in_parts(verb, device, path, args))
    else:
        sys.exit("shadow.py: there is no verb '%s'" % verb)


try:
    main()
except OSError as e:
    sys.exit("shadow.py %s: %s" % (" ".join(sys.argv[1:3]), e))
