#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Write and read sectors full of one letter, past the page cache.

Each argument is one step, done in order; the first that fails ends it:
  fill DISK SECTOR COUNT LETTER [dsync]   write, not flushed unless dsync
  flush DISK                              ask the disk to flush
  letters DISK SECTOR COUNT               print a letter per sector: 0 for
                                          zeroes, ? if it is not of one letter
"""
import mmap
import os
import sys

SECTOR = 512


def buffer(count):
    """Memory that O_DIRECT takes, of that many sectors."""
    return memoryview(mmap.mmap(-1, count * SECTOR))


def fill(disk, sector, count, letter, *flags):
    mode = os.O_WRONLY | os.O_DIRECT | (os.O_DSYNC if "dsync" in flags else 0)
    data = buffer(int(count))
    data[:] = letter.encode() * len(data)
    fd = os.open("/dev/" + disk, mode)
    if os.pwritev(fd, [data], int(sector) * SECTOR) != len(data):
        raise OSError("short write on " + disk)
    os.close(fd)


def flush(disk):
    fd = os.open("/dev/" + disk, os.O_WRONLY)
    os.fsync(fd)
    os.close(fd)


def sector_letter(content):
    if content != content[:1] * SECTOR:
        return "?"
    return chr(content[0]) if content[0] else "0"


def letters(disk, sector, count):
    data = buffer(int(count))
    fd = os.open("/dev/" + disk, os.O_RDONLY | os.O_DIRECT)
    if os.preadv(fd, [data], int(sector) * SECTOR) != len(data):
        raise OSError("short read on " + disk)
    os.close(fd)
    print("".join(sector_letter(bytes(data[i:i + SECTOR]))
                  for i in range(0, len(data), SECTOR)))


STEPS = {"fill": fill, "flush": flush, "letters": letters}

try:
    for step in sys.argv[1:]:
        verb, *arguments = step.split()
        STEPS[verb](*arguments)
except OSError as error:
    sys.exit(f"{step}: {error.strerror or error}")
