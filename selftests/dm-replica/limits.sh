#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: targets that cannot hold the source are refused
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 120
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
pool_create p
element p a 16
element p small 15
element p big 24
element p blocks 16 lbs=4096
element p tiny 16

# SOURCE TARGET ERRNO-TEXT [WORD]...
no_mirror() {
	local source=$1 target=$2 text=$3
	shift 3
	refused_message "$text" p create_sync 9001 mirror "$source" "$target" "$@"
}
a=${element_id[p/a]}

no_mirror "$a" "${element_id[p/small]}" "Invalid argument"
ok "a smaller target is refused"
no_mirror "$a" "${element_id[p/blocks]}" "Invalid argument"
ok "a target with larger logical blocks is refused"
no_mirror "$a" "$a" "Invalid argument"
no_mirror "$a" 8888 "No such file"
no_mirror 8888 "$a" "No such file"
refused_message "Invalid argument" p create_sync 9001 snapshot "$a" "${element_id[p/tiny]}"
ok "itself, nobody, and a disk for a snapshot are refused"
no_mirror "$a" "${element_id[p/tiny]}" "not supported" mode=async
ok "what is not built is Not Supported"

scribble /dev/mapper/p-a 0 16 1
scribble /dev/mapper/p-big 0 24 2
tail=$(dd if=/dev/dbig bs=1M skip=16 status=none | sha1sum)
mirror p a big
wait_state p-a abig synchronized
assert_same da dbig 16
assert_eq "$(dd if=/dev/dbig bs=1M skip=16 iflag=direct status=none | sha1sum)" "$tail" \
	"the target behind the source's size"
ok "a larger target is filled as far as the source goes"

scribble /dev/mapper/p-blocks 0 16 3
mirror p blocks tiny
wait_state p-blocks blockstiny synchronized
assert_same dblocks dtiny
assert_eq "$(blockdev --getss /dev/mapper/p-blocks)" 4096 "logical block size"
ok "a target with smaller logical blocks is fine"

run_ok simdisk_create mq 16
run_ok dmsetup create q --table "$(pool_table q name=q extent=128)"
kernel_mark
refused_message "Invalid argument" q create_element 1 x size=$((1 << 42))
refused_message "Invalid argument" q create_element 1 x size=$(((1 << 36) + 1))
kernel_said "at most $((1 << 36)) sectors" || fail "the limit is not told"
ok "the size of an element has a limit that its extents set"
