#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions are called by name, at the end
# DESCRIPTION: the sequences of the manual that turn the direction, by replctl with a file system: what it says at each step, and that the files are there
# REQUIRES: replica simdisk dmsetup replctl mkfs.ext4
# TIMEOUT: 400
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

# STATUS ARGUMENT...: replctl ends so; its output stays in $DRP_TMP.
ctl() {
	local want=$1 status
	shift
	timeout 90 replctl "$@" >"$DRP_TMP/stdout" 2>"$DRP_TMP/stderr" </dev/null
	status=$?
	[ $status -eq "$want" ] ||
		fail "'replctl $*' ended with $status, expected $want: $(head -n 3 "$DRP_TMP/stderr")"
}

# REGEX: stderr (says) or stdout (prints) of the last run has it.
says() { grep -qE -- "$1" "$DRP_TMP/stderr" || fail "stderr lacks '$1': $(head -n 3 "$DRP_TMP/stderr")"; }
prints() { grep -qE -- "$1" "$DRP_TMP/stdout" || fail "stdout lacks '$1': $(head -n 40 "$DRP_TMP/stdout")"; }

# COPY-STATE PROGRESS
is() {
	ctl 0 show home-copy
	prints "^CopyState +$1$"
	prints "^ProgressStatus +$2$"
}

# OPERATION POSSIBLE FORCE
possible() {
	ctl 0 capabilities home-copy
	prints "^$1 +yes +$2 +$3 "
}

source_is() {
	replctl show home-copy | grep -qE "^SystemElement +$1$"
}

# NEW-SOURCE NEW-TARGET; a request that takes longer than others becomes a job, and says so
reverse() {
	ctl 0 reverse-roles home-copy
	if ! grep -q '^ReturnValue=4096 ' "$DRP_TMP/stdout"; then
		prints '^ReturnValue=0 .* UpdatedSynchronization=[0-9]+$'
		prints "^  $1 is the source now, $2 the target$"
	fi
	wait_until 20 source_is "$1" || fail "$1 is not the source"
}

# Runs after what replica_setup undoes.
remove_disks() {
	local disk
	for disk in $(<"$SIMDISK_SYS/disks"); do
		simdisk_remove "$disk"
	done
}

mnt=$DRP_TMP/mnt
mkdir "$mnt"
use() { run_ok mount "/dev/mapper/tank-$1" "$mnt"; }
leave() { run_ok umount "$mnt"; }
has() { assert_eq "$(cat "$mnt/$1" 2>&1)" "$2" "the file $1"; }
has_not() { [ ! -e "$mnt/$1" ] || fail "the file $1 is there"; }
puts() { echo "$2" >"$mnt/$1" && sync -f "$mnt"; }
# Enough that a slow copy takes longer than what is done meanwhile.
much() { dd if=/dev/urandom of="$mnt/much" bs=1M count=4 conv=fsync status=none; }

at_exit remove_disks
replica_setup
run_ok simdisk_create meta 16
run_ok simdisk_create home 64
run_ok simdisk_create copy 64
ctl 0 pool create tank --metadata /dev/meta
ctl 0 element add tank/home /dev/home
ctl 0 element add tank/copy /dev/copy
mkfs.ext4 -q -F /dev/mapper/tank-home
ctl 0 create --type mirror --source home --target copy --wait-for-copy-state synchronized --timeout 60
at_exit "umount '$mnt' 2>/dev/null"

# ---- planned failover and failback
use home
puts a 1
ctl 6 failover home-copy
says 'In Use'
assert_eq "$(grep -c ';' "$DRP_TMP/stderr")" 0 "remedies besides the kernel's"
leave
possible Failover yes no
ctl 0 failover home-copy --dry-run
prints '^  nothing would be overwritten, hosts could no longer write home'
is Synchronized Completed
ctl 0 failover home-copy --wait-for-copy-state failedover --timeout 60
is Failedover Completed
prints "^Advice +hosts use copy; 'replctl failback tank/home-copy'"
use copy
has a 1
puts b 2
much
leave
ctl 0 failback home-copy --dry-run
prints '^  copy would overwrite home: [0-9]+ MiB at most'
ctl 0 set sync home-copy rate_limit=16K
ctl 0 failback home-copy
prints '^ReturnValue=4096 .* Job=[0-9]+$'
is Unsynchronized 'Failing back'
prints '^SourceIsOverwritten +yes$'
possible Abort yes yes
use home
has b 2
puts c 3
ctl 0 suspend home-copy
is Suspended Dormant
has a 1
ctl 0 set sync home-copy rate_limit=0
ctl 0 resume home-copy --wait-for-copy-state synchronized --timeout 60
is Synchronized Completed
prints '^SystemElement +home$'
has c 3
leave
same_content /dev/home /dev/copy || fail "the legs differ after the failback"
ok "planned failover and failback: nothing is lost, and each step is told"

# ---- reverse roles
ctl 0 reverse-roles home-copy --dry-run
reverse copy home
is Synchronized Completed
use copy
has c 3
puts d 4
leave
same_content /dev/home /dev/copy || fail "the legs differ after Reverse Roles"
reverse home copy
is Synchronized Completed
ok "reverse roles and back"

ctl 0 failover home-copy --wait-for-copy-state failedover --timeout 60
use copy
puts e 5
reverse copy home
is Suspended 'Requires resume'
ctl 0 status
prints "^tank/home-copy +'replctl resume tank/home-copy'$"
puts f 6
ctl 0 resume home-copy --wait-for-copy-state synchronized --timeout 60
leave
same_content /dev/home /dev/copy || fail "the legs differ after Resume"
reverse home copy
ok "reverse roles after a failover, with the file system mounted"

# ---- restore
use home
has f 6
sync -f "$mnt"
ctl 0 split home-copy --wait-for-copy-state split --timeout 60
puts a spoiled
much
rm "$mnt/b"
leave
ctl 17 restore-from-replica home-copy --dry-run
says "Force Required .*; --force consents to that, '--force --dry-run' says how much it is$"
ctl 0 restore-from-replica home-copy --dry-run --force
prints '^  copy would overwrite home: [0-9]+ MiB at most.*Force consents to'
is Split Completed
ctl 0 set sync home-copy rate_limit=16K
ctl 0 restore-from-replica home-copy --force
job=$(sed -n 's/^ReturnValue=4096 .*Job=//p' "$DRP_TMP/stdout")
is Unsynchronized Restoring
prints '^Advice +home already shows the content of copy'
use home
has a 1
has b 2
puts g 7
ctl 0 set sync home-copy rate_limit=0
ctl 0 job wait "tank/$job" --timeout 60
prints '^Operation +Restore from Replica$'
is Restored Completed
has g 7
ctl 0 resync-replica home-copy --wait-for-copy-state synchronized --timeout 60
leave
same_content /dev/home /dev/copy || fail "the legs differ after the resync"
ok "restore: the source shows the old files at once, takes new ones, and is mirrored again"

# ---- unplanned failover
use home
puts h 8
leave
simdisk_set home offline 1
ctl 0 failover home-copy --wait-for-copy-state failedover --timeout 60
is Failedover Completed
use copy
has h 8
puts i 9
leave
simdisk_set home offline 0
# Force: a disk that failed while extents were active may hold what the target lacks.
ctl 0 failback home-copy --force --wait-for-copy-state synchronized --timeout 60
use home
has i 9
leave
same_content /dev/home /dev/copy || fail "the legs differ after the failback"
ok "failover without the source's disk, and back when it works again"

# ---- the source's disk dies and an empty one takes its place
use home
puts j 10
leave
simdisk_set home offline 1
ctl 0 failover home-copy --wait-for-copy-state failedover --timeout 60
use copy
has j 10
puts k 11
run_ok simdisk_create home2 64
run_ok dmsetup remove tank-home
ctl 0 element attach tank/home /dev/home2
is Failedover Completed
prints 'the source is another device: Failback copies all of it'
leave
ctl 0 failback home-copy --dry-run
prints '^  copy would overwrite home: 64 MiB at most'
ctl 0 failback home-copy --wait-for-copy-state synchronized --timeout 60
use home
has j 10
has k 11
puts l 12
leave
same_content /dev/home2 /dev/copy || fail "the new disk and the target differ after the failback"
ok "failover without the source's disk, and back to an empty one in its place"
