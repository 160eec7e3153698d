# SPDX-License-Identifier: GPL-2.0-only
"""device-mapper's ioctls for tests that send many messages: dmsetup costs a
process each time, which is slow in an emulated machine."""

import fcntl
import os
import struct

_HEAD = struct.Struct("=3I3Ii3IQ128s129s7x")
_SIZE = 16384
_DEV_CREATE = 3
_DEV_SUSPEND = 6
_DEV_STATUS = 7
_DEV_WAIT = 8
_TABLE_LOAD = 9
_TABLE_STATUS = 12
_TARGET_MSG = 14


class Dm:
    """The control device. Errors are OSError with the kernel's errno."""

    def __init__(self):
        self.fd = os.open("/dev/mapper/control", os.O_RDWR)

    def _ioctl(self, number, name, data=b"", event=0, targets=0):
        assert _HEAD.size == 312
        head = _HEAD.pack(4, 0, 0, _SIZE, _HEAD.size, targets, 0, 0, event, 0, 0, name.encode(), b"")
        buf = bytearray(head + data)
        buf.extend(bytes(_SIZE - len(buf)))
        fcntl.ioctl(self.fd, 0xC138FD00 | number, buf)
        return buf

    def message(self, name, *words):
        """Send a message; return the answer's text."""
        text = " ".join(str(w) for w in words).encode()
        buf = self._ioctl(_TARGET_MSG, name, struct.pack("=Q", 0) + text + b"\0")
        return bytes(buf[_HEAD.size:]).split(b"\0")[0].decode()

    def status(self, name):
        """The status line of a device of one target, without the geometry."""
        buf = self._ioctl(_TABLE_STATUS, name)
        start = struct.unpack_from("=I", buf, 16)[0]
        return bytes(buf[start + 40:]).split(b"\0")[0].decode()

    def create(self, name, sectors, kind, words):
        """A device of one target, resumed; return its number. udev makes the nodes."""
        self._ioctl(_DEV_CREATE, name)
        spec = struct.pack("=QQiI16s", 0, sectors, 0, 0, kind.encode())
        self._ioctl(_TABLE_LOAD, name, spec + words.encode() + b"\0", targets=1)
        dev = struct.unpack_from("=Q", self._ioctl(_DEV_SUSPEND, name), 40)[0]
        return f"{os.major(dev)}:{os.minor(dev)}"

    def event(self, name):
        """The number of events so far."""
        return struct.unpack_from("=I", self._ioctl(_DEV_STATUS, name), 32)[0]

    def wait(self, name, event):
        """Sleep until there are more than that; return how many."""
        return struct.unpack_from("=I", self._ioctl(_DEV_WAIT, name, event=event), 32)[0]
