#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a pool that keeps a million chunks is activated in little memory, and every chunk is found
# REQUIRES: replica simdisk dmsetup replctl python3
# TIMEOUT: 240
# GROUP: snapshot
# VM: --memory 3G
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

MIB=$((1 << 20))
SIZE_MIB=3907			# of the source
CHUNKS=$((SIZE_MIB * 256))	# all of them are preserved: 1,000,192
maker=$DRP_TOP/build/selftests/make_pool
[ -x "$maker" ] || skip "make_pool is not built"

# set FILE SHIFT WORD: chunk c of the sample is at (c + SHIFT) * 4096. read FILE WORD: it is there, at c * 4096.
cat >"$DRP_TMP/sample.py" <<'PYTHON'
import os
import random
import sys

what, path, shift, word, chunks = sys.argv[1], sys.argv[2], *map(str, sys.argv[3:5]), int(sys.argv[5])
rng = random.Random(7)
sample = sorted({0, 1, chunks - 1} | {rng.randrange(chunks) for _ in range(400)})
fd = os.open(path, os.O_RDWR if what == "set" else os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def content(chunk):
    return f"{word} {chunk} ".encode().ljust(4096, b".")


for chunk in sample:
    at = (chunk + int(shift)) * 4096
    if what == "set":
        os.pwrite(fd, content(chunk), at)
    elif os.pread(fd, 4096, at) != content(chunk):
        sys.exit(f"chunk {chunk} of {path} is not '{word} {chunk}'")
    elif chunk + 1 < chunks and chunk + 1 not in sample and any(os.pread(fd, 4096, at + 4096)):
        sys.exit(f"chunk {chunk + 1} of {path} is not empty")
if what == "set":
    os.fsync(fd)
PYTHON
sample() { run_ok python3 "$DRP_TMP/sample.py" "$@" "$CHUNKS"; }

replica_setup
run_ok simdisk_create mp 64
run_ok simdisk_create cp $((SIZE_MIB + 1000))
run_ok simdisk_create da $SIZE_MIB
run_ok "$maker" /dev/mp p --cow /dev/cp "$CHUNKS" 8
sample set /dev/cp 1 old
sample set /dev/da 0 new
before=$(date +%s%N)
pool_activate p
echo "# active after $((($(date +%s%N) - before) / 1000000)) ms: $(dmsetup status p)"
element_id[p/a]=1 element_id[p/s]=2
virtual_sectors[p/s]=$((SIZE_MIB * 2048))

# Its memory: the index, a bit for each chunk, and what every pool has.
in_bounds() {
	local memory
	memory=$(dmsetup status p | cut -d ' ' -f 13)
	[ "$memory" -le $((36 * MIB)) ] || fail "$1 the pool holds $memory bytes"
	[ "$(cow_memory p)" -le "$(cow_memory_max p)" ] || fail "$1 the index takes $(cow_memory p) bytes"
}
assert_eq "$(cow_used p)" "$CHUNKS" "chunks in use"
assert_match "$(replctl pool show p --json)" "\"CowEntries\": $CHUNKS," "entries"
in_bounds "after an activation"
ok "a million chunks are counted"

element_attach p a
element_attach p s
sample get /dev/mapper/p-a 0 new
sample get /dev/mapper/p-s 0 old
in_bounds "after reads"
ok "each is found where it is"

sample set /dev/mapper/p-a 0 newer
sample get /dev/mapper/p-a 0 newer
sample get /dev/mapper/p-s 0 old
assert_eq "$(cow_used p)" "$CHUNKS" "chunks after what is preserved was written"
in_bounds "after writes"
pool_restart p
assert_eq "$(cow_used p)" "$CHUNKS" "chunks after a restart"
sample get /dev/mapper/p-a 0 newer
sample get /dev/mapper/p-s 0 old
in_bounds "after another activation"
ok "none is preserved twice"
