# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
# An application that must not lose what it was told is on disk: it writes files
# one after the other, and gives each its name only when its content is safe.
# Sourced by demo.sh.
#
# Its records are kept outside the mirror: "begun N" before file N is written,
# "done N" when the disk has it.

writer_log=$demo_tmp/writer
writer_pid=

# DIR
writer_start() {
	: >"$writer_log"
	python3 - "$1" "$writer_log" <<'PYTHON' &
import hashlib, os, sys, time

folder, log = sys.argv[1], open(sys.argv[2], "a", buffering=1)
os.makedirs(folder, exist_ok=True)
directory = os.open(folder, os.O_RDONLY)
number = 0
try:
    while True:
        number += 1
        text = hashlib.sha256(str(number).encode()).digest() * 512
        name = f"{folder}/{number:06d}"
        log.write(f"begun {number}\n")
        with open(name + ".new", "wb") as file:
            file.write(text)
            os.fsync(file.fileno())
        os.rename(name + ".new", name)
        os.fsync(directory)
        log.write(f"done {number}\n")
        time.sleep(0.02)
except OSError as error:
    log.write(f"error {error.strerror}\n")
PYTHON
	writer_pid=$!
}

writer_stop() {
	[ -n "$writer_pid" ] || return 0
	kill "$writer_pid" 2>/dev/null
	wait "$writer_pid" 2>/dev/null
	writer_pid=
}

# begun|done: the newest number.
writer_last() {
	local last
	last=$(awk -v w="$1" '$1 == w { n = $2 } END { print n + 0 }' "$writer_log")
	echo "$last"
}

writer_has_done() { [ "$(writer_last "done")" -ge "$1" ]; }

# DIR SAFE BEGUN: every file up to SAFE is there, none above BEGUN, and each that
# has its name is whole. Prints how many.
writer_check() {
	python3 - "$@" <<'PYTHON'
import hashlib, os, sys

folder, safe, begun = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
numbers = sorted(int(n) for n in os.listdir(folder) if not n.endswith(".new"))
missing = set(range(1, safe + 1)) - set(numbers)
if missing:
    sys.exit(f"lost although it was safe: {sorted(missing)[:5]}")
if numbers and numbers[-1] > begun:
    sys.exit(f"from the future: {numbers[-1]}")
for n in numbers:
    want = hashlib.sha256(str(n).encode()).digest() * 512
    with open(f"{folder}/{n:06d}", "rb") as file:
        if file.read() != want:
            sys.exit(f"damaged: {n}")
print(len(numbers))
PYTHON
}
