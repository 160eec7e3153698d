#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a machine that is killed three times in the middle of I/O, splits
# and resyncs loses nothing that it acknowledged, and its legs become equal
# TIMEOUT: 2400
top=$(cd "$(dirname "$0")/../../.." && pwd -P)
MIB=64

# ---- in the guest ----

# Writes counters into random blocks of the lower half; prints what is flushed.
writer='
import mmap, os, random, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
buf = mmap.mmap(-1, 4096)
n = int(sys.argv[2])
while True:
    batch = []
    for _ in range(8):
        n += 1
        block = random.randrange(int(sys.argv[3]))
        buf[:] = b"%015d\n" % n * 256
        os.pwrite(fd, buf, block * 4096)
        batch.append("acked %d %d\n" % (block, n))
    os.fdatasync(fd)
    sys.stdout.write("".join(batch))
    sys.stdout.flush()
'

# Every block has its newest flushed counter or a later one, and is whole.
checker='
import sys
floor = {}
for line in open(sys.argv[2], errors="replace"):
    words = line.split()
    if line.endswith("\n") and len(words) == 3 and words[0] == "acked":
        floor[int(words[1])] = int(words[2])
bad = 0
with open(sys.argv[1], "rb") as dev:
    for block, n in floor.items():
        dev.seek(block * 4096)
        data = dev.read(4096)
        if data != data[:16] * 256 or not data[:15].isdigit() or int(data[:15]) < n:
            print("block %d: flushed %d, found %r" % (block, n, data[:16]))
            bad += 1
print("checked %d" % len(floor))
sys.exit(bad > 0)
'

die() {
	echo "guest: $*"
	exit 1
}

copy_state() { dmsetup status kill-a | grep -o ' 3 mirror s [a-z]*' | cut -d ' ' -f 5; }

activate() {
	dmsetup create kill --table "0 8 replica-pool $1 - 128 2 name=kill extent=1024" || return
	if [ -n "$4" ]; then
		dmsetup message kill 0 create_element 1 a size=$((MIB * 2048)) &&
			dmsetup message kill 0 create_element 2 b size=$((MIB * 2048)) || return
	fi
	dmsetup create kill-a --table "0 $((MIB * 2048)) replica /dev/mapper/kill 1 $2" &&
		dmsetup create kill-b --table "0 $((MIB * 2048)) replica /dev/mapper/kill 2 $3" || return
	[ -z "$4" ] || dmsetup message kill 0 create_sync 3 mirror 1 2
}

settle() {
	local i
	case $(copy_state) in
	synchronized | unsynchronized) ;;
	split) dmsetup message kill 0 modify resync-replica 3 || return ;;
	*) return 1 ;;
	esac
	for ((i = 0; i < 600; i++)); do
		[ "$(copy_state)" != synchronized ] || return 0
		sleep 0.1
	done
	return 1
}

# Until the machine is killed.
load() {
	local n=$1
	fio --name=load --filename=/dev/mapper/kill-a --direct=1 --ioengine=psync --rw=randwrite \
		--bsrange=4k-64k --offset=50% --numjobs=2 --thread --time_based --runtime=600 >/dev/null 2>&1 &
	python3 -c "$writer" /dev/mapper/kill-a "$n" $((MIB * 128)) &
	while :; do
		sleep 0.3
		dmsetup message kill 0 modify split 3 >/dev/null
		sleep 0.2
		dmsetup message kill 0 modify resync-replica 3 >/dev/null
	done
}

guest() {
	local round=$1 acked=$2 meta=$3 a=$4 b=$5 new=''
	[ "$round" -ne 1 ] || new=new
	activate "$meta" "$a" "$b" "$new" || die "the pool cannot be activated"
	[ "$(dmsetup status kill | cut -d ' ' -f 5)" = rw ] || die "not rw: $(dmsetup status kill)"
	echo "round $round activated"
	settle || die "the mirror does not settle: $(copy_state)"
	python3 -c "$checker" "$a" "$acked" || die "acknowledged writes are lost"
	blockdev --flushbufs "$a" "$b"
	cmp -n $((MIB << 20)) "$a" "$b" || die "the legs differ"
	echo "round $round verified"
	[ "$round" -gt 3 ] || load $((round * 10000000))
	dmsetup remove kill-a && dmsetup remove kill-b && dmsetup remove kill
}

if [ "${1-}" = guest ]; then
	shift
	guest "$@"
	exit
fi

# ---- on the host ----

# shellcheck source=selftests/lib/drp.sh
. "$top/selftests/lib/drp.sh"
need fio python3 dmsetup
vm=$top/selftests/vm/run
# The guest sees the machine's files, but not /tmp.
work=$(mktemp -d "$top/build/vm-kill.XXXXXX")
vm_pid=''
at_exit 'kill "$vm_pid" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"'
truncate -s 16M "$work/meta"
truncate -s ${MIB}M "$work/a" "$work/b"
: >"$work/acked"

boot() {
	# shellcheck disable=SC2016
	"$vm" --disk "$work/meta" --disk "$work/a" --disk "$work/b" --timeout 300 \
		--pidfile "$work/pid" -- bash -c "exec bash '$0' guest $1 '$work/acked' \$DISKS" \
		>"$work/out" 2>"$work/err"
}

enough_acked() { [ "$(grep -c ^acked "$work/out")" -ge 100 ]; }
# A guest that hangs is ended by its VM's deadline, which shows where.
loaded_or_ended() { enough_acked || ! kill -0 "$vm_pid" 2>/dev/null; }

for round in 1 2 3; do
	: >"$work/out"		# of the round before
	rm -f "$work/pid"
	boot $round &
	vm_pid=$!
	if ! wait_until 1200 loaded_or_ended || ! enough_acked; then
		grep -v ^acked "$work/out" "$work/err" | sed 's/^/# /' | tail -n 40
		fail "round $round: no load"
	fi
	sleep "1.$((RANDOM % 10))"
	kill -9 "$(cat "$work/pid")"
	wait $vm_pid
	grep -q "^round $round verified" "$work/out" || fail "round $round was not verified"
	cat "$work/out" >>"$work/acked"
	ok "killed in round $round with $(grep -c ^acked "$work/out") writes flushed"
done
if ! boot 4; then
	grep -v ^acked "$work/out" "$work/err" | sed 's/^/# /' | tail -n 40
	fail "what was there after the last kill is not right"
fi
ok "$(grep ^checked "$work/out") blocks, legs equal"
