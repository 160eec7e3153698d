#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: this test shows that the VM harness reports the status of its
# command and that no panic, complaint, hang or killed VM passes.
# TIMEOUT: 1200
. "$(dirname "$0")/../../lib/drp.sh"

vm=$DRP_TOP/selftests/vm/run
provoke=$DRP_TOP/build/module-${KVER:-6.1}/selftests/provoke/drp_provoke.ko
[ -e "$provoke" ] || skip "$provoke is not built"

# STATUS OPTION... -- COMMAND...
expect() {
	local want=$1 status
	shift
	"$vm" --no-module --memory 1G "$@" >"$DRP_TMP/out" 2>"$DRP_TMP/err"
	status=$?
	[ $status -eq "$want" ] || sed 's/^/# /' "$DRP_TMP/out" "$DRP_TMP/err"
	assert_eq $status "$want" "status of: $*"
}

truncate -s 8M "$DRP_TMP/disk"
cd "$DRP_TOP/selftests" || fail "no selftests directory"
# shellcheck disable=SC2016
expect 7 --disk "$DRP_TMP/disk" --disk 16M --env MARK=here -- bash -c '
	set -- $DISKS
	printf written | dd of=$1 bs=512 conv=sync,fsync status=none
	echo "$# $(blockdev --getsize64 $2) ${PWD##*/} $MARK"
	echo complaint >/dev/stderr
	exit 7'
ok "the exit status is the command's"
assert_eq "$(cat "$DRP_TMP/out")" "2 16777216 selftests here" "output"
assert_eq "$(cat "$DRP_TMP/err")" "complaint" "stderr"
ok "disks, directory, environment and both outputs arrive"
assert_eq "$(head -c 7 "$DRP_TMP/disk")" written "first bytes of the disk file"
ok "a disk file survives the VM"

expect 124 -- insmod "$provoke" what=oops
grep -q drp_provoke "$DRP_TMP/err" || fail "the oops is not shown"
ok "an oops ends the VM and is shown"

expect 124 -- sh -c "insmod $provoke what=warn || exit 0"
grep -q 'vm: dmesg: .*provoked on demand' "$DRP_TMP/err" || fail "the warning is not shown"
ok "a warning fails a command that succeeded"

expect 125 --timeout 25 -- sleep 1000
ok "a hang ends at the deadline and is no result"

DRP_BOOT_LIMIT=1 expect 125 -- true
assert_eq "$(grep -c 'did not come up in 1 s' "$DRP_TMP/err")" 3 "tries"
ok "a machine that does not come up is tried three times and is no result"

"$vm" --no-module --memory 1G --disk "$DRP_TMP/disk" --pidfile "$DRP_TMP/pid" -- bash -c '
	printf kept | dd of=$DISKS bs=512 seek=1 conv=sync,fsync status=none
	echo ready
	sleep 1000' >"$DRP_TMP/out" 2>&1 &
run=$!
# Three tries of a machine that does not come up, and then some.
wait_until 600 grep -q ready "$DRP_TMP/out" || {
	sed 's/^/# /' "$DRP_TMP/out"
	fail "the VM did not come up"
}
kill -9 "$(cat "$DRP_TMP/pid")"
wait $run
assert_eq $? 125 "status after kill -9"
assert_eq "$(dd if="$DRP_TMP/disk" bs=512 skip=1 count=1 status=none | head -c 4)" kept "disk after kill -9"
ok "a killed VM is no result, and what its disk completed is kept"

"$vm" --no-module --memory 1G --pidfile "$DRP_TMP/pid2" -- sleep 1000 >/dev/null 2>&1 &
run=$!
wait_until 60 test -s "$DRP_TMP/pid2" || fail "no pid file"
kill -9 $run
# One that nobody has waited for yet has ended, too.
ended() { [ ! -d "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"; }
wait_until 60 ended "$(cat "$DRP_TMP/pid2")" || fail "QEMU outlives its caller"
ok "no QEMU outlives its caller"
