#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: elements, pools and the module go while hosts do I/O and jobs run, and come back with all that they had
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 300
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/sites.sh
. "$DRP_TOP/selftests/lib/sites.sh"

need insmod rmmod openssl
rounds=${ROUNDS:-40}
seed=${SEED:-$RANDOM}
RANDOM=$seed
module=$(find "$DRP_TOP/build/module-${VM_KERNEL:-6.1}" -name dm-replica.ko | head -n 1)
[ -n "$module" ] || skip "no built module found"
declare -A times=()
hosts=()

# ELEMENT: what hosts do there until it fails or is killed. Keeps the device open.
host() {
	dd if=/dev/zero of="/dev/mapper/p-$1" bs=4k count=1000 seek=$((RANDOM % 1000)) \
		oflag=direct conv=notrunc status=none 2>/dev/null &
	hosts+=($!)
	dd if="/dev/mapper/p-$1" of=/dev/null bs=64k iflag=direct status=none 2>/dev/null &
	hosts+=($!)
}
hosts_end() {
	[ ${#hosts[@]} -eq 0 ] || kill "${hosts[@]}" 2>/dev/null
	wait
	hosts=()
}
at_exit hosts_end

# Something that goes on for long.
start_job() {
	case $((RANDOM % 4)) in
	0) on ab split && poke a && on ab resync-replica rate_limit=16K ;;
	1) on ac resync-replica rate_limit=16K ;;
	2) on ab split && poke b && on ab restore-from-replica force rate_limit=16K ;;
	3) on x resync-replica ;;
	esac >/dev/null
	true
}

exists() { [ -e "/sys/class/block" ] && dmsetup info -c --noheadings -o name "p-$1" >/dev/null 2>&1; }
gone() { ! exists "$1"; }

# ELEMENT: its device goes, in one of the ways that there are.
go() {
	local how=$((RANDOM % 5))
	times[removal]=$((times[removal] + 1))
	case $how in
	0) dm remove -f "p-$1" ;;
	1) dm wipe_table "p-$1" ;;
	2) dm remove --deferred "p-$1" ;;
	3) dm suspend --noflush --nolockfs "p-$1" && dm wipe_table "p-$1" && dm resume "p-$1" ;;
	4) dm remove "p-$1" ;;	# refused while it is open
	esac
	return 0
}
# ELEMENT: it is gone for good.
end() {
	gone "$1" || dm remove --retry "p-$1" || gone "$1" || fail "p-$1 cannot be removed: $(<"$DRP_TMP/said")"
}

elements=(a b c x)
bring_back() {
	local e
	[ -e /dev/mapper/p ] || up || fail "the pool does not come back: $(<"$DRP_TMP/said")"
	for e in "${elements[@]}"; do
		exists "$e" || attach "$e" || fail "$e does not come back: $(<"$DRP_TMP/said")"
	done
}

# One thing is gone while others live, or all go in any order.
round() {
	local order e
	mapfile -t order < <(printf '%s\n' "${elements[@]}" | shuf --random-source=<(yes $RANDOM))
	start_job
	host a
	host x
	go "${order[0]}"
	[ $((RANDOM % 2)) -eq 0 ] || go "${order[1]}"
	# A pool that is in use is not to be had.
	[ $((RANDOM % 4)) -ne 0 ] || ! dm remove p || fail "a pool went under its elements"
	hosts_end
	for e in "${order[@]}"; do
		[ $((RANDOM % 3)) -eq 0 ] || end "$e"
	done
	if [ $((RANDOM % 2)) -eq 0 ]; then
		for e in "${order[@]}"; do
			end "$e"
		done
		run_ok dmsetup remove --retry p
		times[pool]=$((times[pool] + 1))
		if [ $((RANDOM % 2)) -eq 0 ]; then
			run_ok rmmod dm_replica
			run_ok insmod "$module"
			times[module]=$((times[module] + 1))
		fi
	fi
	# What has a table that was wiped is no element.
	for e in "${elements[@]}"; do
		[[ "$(dmsetup table "p-$e" 2>/dev/null)" == *" replica "* ]] || end "$e"
	done
	bring_back
}

settled() {
	calm "$1"
	[[ $now == *"mirror s synchronized"* ]] || on ab resync-replica force || on ab resume || on ab activate
	ask set "sync:${sync_id[ab]}" rate_limit=0
	ask set "sync:${sync_id[ac]}" rate_limit=0
	wait_state p-a ab synchronized
	same da db || fail "$1: the legs differ"
}

replica_setup
sites_setup
relate mirror a b
relate clone a c
shoot a x
attach x
calm
times=([removal]=0 [pool]=0 [module]=0)
start=$SECONDS
for ((n = 1; n <= rounds; n++)); do
	round
	if [ $((n % 10)) -eq 0 ]; then
		ask set "sync:${sync_id[ab]}" rate_limit=0
		ask set "sync:${sync_id[ac]}" rate_limit=0
		settled "round $n"
	fi
done
assert_eq "$(pool_mode p)" rw "the pool's mode"
ok "what goes under I/O and jobs comes back"
while [ "${times[module]}" -lt $((rounds / 2)) ]; do
	pool_deactivate p
	run_ok rmmod dm_replica
	run_ok insmod "$module"
	times[module]=$((times[module] + 1))
	bring_back
done
ask set "sync:${sync_id[ab]}" rate_limit=0
ask set "sync:${sync_id[ac]}" rate_limit=0
settled "in the end"
ok "the module comes and goes, the legs are equal in the end"
echo "# did: $rounds rounds, seed $seed: ${times[removal]} elements' devices taken away, the pool ${times[pool]} and the module ${times[module]} times, $((SECONDS - start)) s"
