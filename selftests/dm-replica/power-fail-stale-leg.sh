#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a leg that was away comes back equal, with no idle time between
# the last write and its return: by resync, by reload, after a power failure
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 300
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

SECTORS=32768
ROUNDS=10

stale_up() {
	local e
	dmsetup create stale --table "0 8 replica-pool /dev/stmeta - 128 2 name=stale extent=1024" &&
		for e in a b; do
			[ "$e" = a ] && [ "${1-}" = new ] && {
				message stale create_element 1 a size=$SECTORS &&
					message stale create_element 2 b size=$SECTORS || return
			}
			dmsetup create "stale-$e" --table \
				"0 $SECTORS replica /dev/mapper/stale $([ $e = a ] && echo 1 || echo 2) /dev/st$e" || return
		done
}

stale_down() {
	local dev
	for dev in stale-a stale-b stale; do
		dmsetup remove --retry "$dev" 2>/dev/null
	done
}

stale_end() {
	simdisk_control rearm
	stale_down
	simdisk_remove_all
}

state() { dmsetup status stale-a | grep -o ' 3 mirror s [a-z]*' | cut -d ' ' -f 5; }
is_state() { [ "$(state)" = "$1" ]; }
modify() { message stale modify "$@"; }

# ROUND: scattered 4 KiB blocks, none of them flushed.
write_some() {
	local i
	for ((i = 0; i < 8; i++)); do
		printf '%4096s' "$1.$i.$RANDOM" | dd of=/dev/mapper/stale-a bs=4096 \
			seek=$(((RANDOM % 128) * 32)) oflag=direct status=none 2>/dev/null || return
	done
}

# How the leg comes back, right after the last write.
come_back() {
	case $1 in
	split-resync | fracture-resync | suspend-resume) ;;
	split-reload | fracture-reload) run_ok stale_down; run_ok stale_up ;;
	*-power)
		run_ok simdisk_power_fail $RANDOM drop
		stale_down
		run_ok simdisk_rearm
		run_ok stale_up ;;
	esac
	case $1 in
	suspend-*) run_ok modify resume 3 ;;
	error-*) run_ok simdisk_set stb fail_writes 0 ;;
	*) run_ok modify resync-replica 3 ;;
	esac
}

one_round() {
	local how=$1 round=$2
	run_ok write_some "$round"
	case $how in
	split-*) run_ok modify split 3 ;;
	fracture-*) run_ok modify fracture 3 ;;
	suspend-*) run_ok modify suspend 3 ;;
	error-*) run_ok simdisk_set stb fail_writes 1 ;;
	esac
	run_ok write_some "$round"
	come_back "$how"
	wait_until 60 is_state synchronized || fail "$how: round $round ends $(state)"
	same_content /dev/sta /dev/stb || fail "$how: round $round: the legs differ"
}

simdisk_loaded || skip "the module simdisk is not loaded"
at_exit stale_end
run_ok simdisk_create stmeta 16
run_ok simdisk_create sta $((SECTORS / 2048))
run_ok simdisk_create stb $((SECTORS / 2048))
run_ok stale_up new
accepted stale create_sync 3 mirror 1 2
wait_until 30 is_state synchronized || fail "the mirror does not become synchronized"

ways=(split-resync fracture-resync suspend-resume split-reload fracture-reload
	split-power fracture-power suspend-power error-recover error-power)
for ((round = 0; round < ROUNDS; round++)); do
	one_round "${ways[round % ${#ways[@]}]}" $round
done
ok "$ROUNDS rounds, ${#ways[@]} ways, no leg is stale"
