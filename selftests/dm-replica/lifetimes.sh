#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: elements, pools and the module go while hosts do I/O and jobs run, and come back with all that they had
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 300
# GROUP: parallel
# VM: --cpus 2
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/sites.sh
. "$DRP_TOP/selftests/lib/sites.sh"

# ROUNDS=N lifetimes (20), SEED=N.
rounds=${ROUNDS:-20}
seed=${SEED:-$RANDOM}
module=$(find "$DRP_TOP/build/module-${VM_KERNEL:-6.1}" -name dm-replica.ko | head -n 1)
[ -n "$module" ] || skip "no built module found"
elements=(a b c x)
declare -A times=([job]=0 [removal]=0 [refused]=0 [pool]=0 [module]=0 [equal]=0)
count() { times[$1]=$((times[$1] + 1)); }

# What hosts wrote there may go, by what is asked for now.
forget() {
	local e
	for e; do
		hand forget "/dev/mapper/p-$e"
	done
}

# SYNC OPERATION [WORD]...: is it a job?
start() {
	on "$@" && [[ $answer == 4096* ]] && count job
}

# Something that goes on for long, from whatever state the last round left.
start_job() {
	case $((RANDOM % 5)) in
	0) forget b; on ab split && poke a; start ab resync-replica force rate_limit=16K ;;
	1) forget c; start ac resync-replica force rate_limit=16K ;;
	2) forget a b; on ab split && poke b; start ab restore-from-replica force rate_limit=16K ;;
	3) forget a c; poke c; start ac restore-from-replica force rate_limit=16K ;;
	4) forget x; start x resync-replica force ;;
	esac
}

# ELEMENT: its device goes, in one of the ways that there are.
go() {
	count removal
	case $((RANDOM % 5)) in
	0) hand wipe "p-$1" && hand remove-now "p-$1" ;;
	1) hand wipe "p-$1" ;;
	2) hand remove-later "p-$1" ;;
	3) hand suspend-fast "p-$1" && hand wipe "p-$1" ;;
	4) hand remove-now "p-$1" ;;	# refused while it is open
	esac || count refused
}
# ELEMENT: it is gone for good.
end() {
	! hand type "p-$1" || hand remove "p-$1" || ! hand type "p-$1" ||
		fail "$where: p-$1 cannot be removed: $said"
}

bring_back() {
	local e
	hand type p || up || fail "$where: the pool does not come back: $said"
	for e in "${elements[@]}"; do
		hand type "p-$e" || attach "$e" || fail "$where: $e does not come back: $said"
	done
}

# The elements in any order.
shuffle() {
	local i j
	order=("${elements[@]}")
	for ((i = ${#order[@]} - 1; i > 0; i--)); do
		j=$((RANDOM % (i + 1)))
		set -- "${order[i]}"
		order[i]=${order[j]}
		order[j]=$1
	done
}

# One thing is gone while others live, or all go in any order.
round() {
	local order e other=${elements[RANDOM % 3 + 1]}
	shuffle
	start_job
	hand host /dev/mapper/p-a || fail "$where: a cannot be opened: $said"
	hand host "/dev/mapper/p-$other" || fail "$where: $other cannot be opened: $said"
	go "${order[0]}"
	[ $((RANDOM % 2)) -eq 0 ] || go "${order[1]}"
	# A pool that is in use is not to be had.
	[ $((RANDOM % 4)) -ne 0 ] || ! hand remove-now p || fail "$where: the pool went under its elements"
	hand hosts-end
	for e in "${order[@]}"; do
		[ $((RANDOM % 3)) -eq 0 ] || end "$e"
	done
	if [ $((RANDOM % 4)) -ne 0 ]; then
		for e in "${order[@]}"; do
			end "$e"
		done
		must remove p
		count pool
		if [ $((RANDOM % 3)) -ne 0 ]; then
			must hand module-out dm_replica
			must hand module-in "$module"
			count module
		fi
	fi
	# What has a table that was wiped is no element.
	for e in "${elements[@]}"; do
		{ hand type "p-$e" && [ "$said" = replica ]; } || end "$e"
	done
	bring_back
	look
	for e in "${elements[@]}"; do
		# A clone that lost its point in time before it was copied has none to show.
		[ $e != c ] || [[ $now != *"p-c: 1 none [clone t broken"* ]] || continue
		hand has "/dev/mapper/p-$e" || fail "$where: $e has not all that hosts wrote there: $said; $now"
	done
}

# All that is copied is copied, and is what it should be.
settled() {
	local s
	for s in ab ac; do
		ask set "sync:${sync_id[$s]}" rate_limit=0 || fail "$where: $answer"
	done
	calm "$where"
	forget b c x
	[[ $now == *"mirror s synchronized"* ]] || on ab resync-replica force || on ab resume || on ab activate ||
		fail "$where: ab cannot be copied: $answer; $now"
	calm "$where"
	on ac resync-replica force || fail "$where: ac cannot be copied: $answer; $now"
	calm "$where"
	assert_match "$now" 'mirror s synchronized' "$where"
	assert_match "$now" 'clone s synchronized' "$where"
	on x resync-replica force || fail "$where: no new point in time: $answer; $now"
	calm "$where"
	keep_of a
	same da db || fail "$where: the legs differ"
	same da dc || fail "$where: the clone is not its source"
	kept x a || fail "$where: the snapshot is not its source"
	count equal
}

replica_setup
sites_begin
RANDOM=$seed
sites_setup
relate mirror a b
relate clone a c
shoot a x
attach x
calm "in the beginning"
began=$SECONDS
for ((n = 1; n <= rounds; n++)); do
	where="round $n (seed $seed)"
	round
	[ $((RANDOM % 3)) -ne 0 ] || settled
done
pool_is_rw || fail "the pool's mode: $now"
ok "what goes under I/O and jobs comes back with all that hosts wrote"
where="in the end (seed $seed)"
settled
ok "legs, clone and snapshot are equal to their source in the end"
[ ${times[job]} -gt $((rounds / 4)) ] || fail "few jobs: ${times[job]}"
echo "# did: $rounds rounds, seed $seed: ${times[job]} jobs begun, ${times[removal]} elements' devices taken away (${times[refused]} refused), the pool ${times[pool]} and the module ${times[module]} times, ${times[equal]} times all compared, $((SECONDS - began)) s"
