#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: requests for snapshots that cannot be are refused with the right errno and change nothing
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 240
# GROUP: snapshot
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

need replctl
replica_setup
cow_pool_create p 16
element p a 8
element p b 8
a=${element_id[p/a]} b=${element_id[p/b]}
snapshot p a x
x=${element_id[p/x]}

objects() {
	dmsetup status p | cut -d ' ' -f 5-7
	replctl element list --json
	replctl list --json
}
before=$(objects)

invalid="Invalid argument" gone="No such file" busy="Device or resource busy"
refused_message "$invalid" p create_sync 0 snapshot "$a" 0
refused_message "$invalid" p create_sync 0 snapshot "$a" 0 target_name=x
refused_message "$invalid" p create_sync 0 snapshot "$a" 0 target_name=y name=x
refused_message "$invalid" p create_sync 0 snapshot "$a" 0 target_name=a/b
refused_message "$invalid" p create_sync 0 snapshot "$a" "$b" target_name=y
refused_message "$invalid" p create_sync 0 snapshot "$a" 0 target_name=y mode=async
refused_message "$invalid" p create_sync 0 snapshot "$a" 0 target_name=y wait_for_copy_state=split
refused_message "$invalid" p create_sync 0 snapshot "$a" 0 target_name=y skip_initial_copy=yes force
refused_message "$invalid" p create_sync 800 snapshot "$a" 800 target_name=y
refused_message "$gone" p create_sync 0 snapshot 12345 0 target_name=y
refused_message "$gone" p create_sync 0 snapshot "$a" 0 target_name=y aspect=999
refused_message "Operation not supported" p create_sync 0 mirror "$a" "$x"
refused_message "Operation not supported" p create_sync 0 mirror "$x" "$b"
for op in detach fracture split failover reverse-roles reset-to-async unprepare; do
	refused "Operation not supported" p "$op" x
done
refused "$busy" p return-to-resource-pool x
refused_message "$busy" p delete_element "$x"
element_remove_device p a
refused_message "$busy" p delete_element "$a"
assert_state p-x x partitioned
refused_message "File descriptor in bad state" p create_sync 0 snapshot "$a" 0 target_name=y
element_attach p a
assert_state p-x x synchronized
assert_eq "$(objects)" "$before" "objects after refusals"
ok "refused, and nothing has changed"

run_ok simdisk_create mq 16
run_ok dmsetup create q --table "0 8 replica-pool /dev/mq - 8 1 name=q"
element q c 8
refused_message "No space left" q create_sync 0 snapshot "${element_id[q/c]}" 0 target_name=y
ok "a pool without COW space says so"

kernel_mark
run_fails any dmsetup load q-c --table "$(element_table q c cp)"
run_fails any dmsetup create z --table "0 8 replica-pool /dev/cp - 8 2 format name=z"
run_fails any dmsetup create z --table "0 8 replica-pool /dev/mq /dev/cp 8 1 name=q"
[ "$(dmesg | sed "1,/$drp_mark/d" | grep -c "is in use by p of pool p")" -eq 3 ] ||
	fail "the log does not say three times who uses the device"
ok "a pool's COW device is no data, no metadata and no other pool's"

pool_deactivate p
run_fails 1 dmsetup create p --table "0 8 replica-pool /dev/mp - 8 1 name=p"
run_fails 1 dmsetup create p --table "0 8 replica-pool /dev/mp /dev/db 8 1 name=p"
pool_activate p
element_attach p a
element_attach p b
element_attach p x
assert_state p-x x synchronized
ok "a pool with snapshots needs its own COW device"

# Level 1 is x itself.
parent=x
for level in 2 3 4 5 6 7 8; do
	snapshot p $parent s$level
	parent=s$level
done
refused_message "Operation not supported" p create_sync 0 snapshot "${element_id[p/$parent]}" 0 target_name=y
scribble /dev/mapper/p-a 0 1 2
first() { dd if="$1" bs=64k count=20 iflag=direct status=none | cksum; }
assert_eq "$(first "/dev/mapper/p-$parent")" "$(first /dev/mapper/p-x)" "what level 8 shows"
ok "eight levels, and no more"
