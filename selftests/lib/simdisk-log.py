#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Print the events of a recording (selftests/simdisk/record.h), one a line:
KIND DISK-NAME REQUEST SECTOR SECTORS FIRST-LETTER [fua]; a mark is MARK TEXT.
Requests count from 1 in the order of their arrival."""
import struct
import sys

HEADER = struct.Struct("=HHIQQII")
KINDS = ["?", "DISK", "BASE", "WRITE", "ZERO", "FLUSH", "DONE", "FAILED", "MARK"]


def events(log):
    pos = 0
    while pos < len(log):
        kind, flags, disk, ident, sector, sectors, size = HEADER.unpack_from(log, pos)
        pos += HEADER.size
        yield KINDS[kind], flags, disk, ident, sector, sectors, log[pos:pos + size]
        pos += (size + 7) & ~7


def main():
    with open(sys.argv[1], "rb") as file:
        log = file.read()
    names = []
    for kind, flags, disk, ident, sector, sectors, data in events(log):
        if kind == "MARK":
            print(kind, data.decode())
            continue
        if kind == "DISK":
            names.append(data.decode())
            print(kind, names[disk], sector, "cache" if flags else "plain")
            continue
        words = [kind, names[disk], str(ident), str(sector), str(sectors)]
        if data:
            words.append(chr(data[0]) if data[0] else "0")
        if flags:
            words.append("fua")
        print(" ".join(words))


main()
