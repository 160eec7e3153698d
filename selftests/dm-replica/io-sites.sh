#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: each disk dies in turn before each request that an operation makes of it: nothing hangs or lies, and all is well when the disk is back
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 400
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/sites.sh
. "$DRP_TOP/selftests/lib/sites.sh"

# ROUNDS: at how many requests of each disk, of all that an operation makes; STAGES:
# which operations; all are "objects activate mirror turns snapshot clone".
points=${ROUNDS:-1}
disks=(mp da db dc cp)
progress=$DRP_TMP/progress

once() {
	eval "$2" || fail "$1: fails although no disk does: ${answer-} $said"
	calm "$1"
}

# The disk is back. A pool that its metadata stopped is activated again.
repaired() {
	local e present=()
	simdisk_set "$1" fail_after -1
	restarted=
	look
	if [[ $now == *"p: "* ]] && [[ $now != *"p: rw "* ]]; then
		restarted=1
		for e in x y a b c; do
			if [ -e "/dev/mapper/p-$e" ]; then
				present=("$e" "${present[@]}")
				must remove "p-$e"
			fi
		done
		must remove p
		must up
		for e in "${present[@]}"; do
			must attach "$e"
		done
	fi
	calm "$where: after the disk is back"
	# What a flush lost hosts learn by their next one, once.
	for e in x a b c; do
		[ ! -e "/dev/mapper/p-$e" ] || hand flush "/dev/mapper/p-$e" ||
			hand flush "/dev/mapper/p-$e" || [[ $now == *"p-$e: 1 none "* ]] ||
			fail "$where: $e cannot be flushed: $said; $now"
	done
	look
}

# Neither as before nor as after. What it says it is must be so, and it must be
# possible to end it.
degraded() {
	local check=$1
	if [[ $check =~ kept\ a(\ |$) ]] && [[ ! $check =~ kept\ a\ [a-z] ]]; then
		kept a || fail "$where: the source lost its data: $now"
	fi
	if [ -n "${sync_id[ab]:-}" ] && [[ $now =~ mirror\ s ]]; then
		[[ $now =~ mirror\ s\ synchronized ]] || on ab resync-replica force || on ab resume ||
			on ab activate || on ab failback force || on ab detach force ||
			fail "$where: stays $now: $answer"
		calm "$where: resync"
		[[ ! $now =~ mirror\ s\ synchronized ]] || same da db || fail "$where: synchronized legs differ"
	fi
}

# NAME DISK N DO CHECK; the states before and after are those of the caller. Fails
# (1) if the state must be made anew.
point() {
	local name=$1 disk=$2 n=$3 status
	where="$name, $disk dies after $n requests"
	simdisk_set "$disk" fail_after "$n"
	answer=
	eval "$4"
	status=$?
	calm "$where"
	where+=" (it ended with $status ${answer:-})"
	repaired "$disk"
	if [ "$now" != "$before" ] && [ "$now" != "$after" ]; then
		degraded "$5"
		return 1
	fi
	if [ "$before" != "$after" ] && [ -z "$restarted" ]; then
		if [ $status -eq 0 ] && [[ $answer != 4096* ]]; then
			assert_eq "$now" "$after" "$where: done"
		elif [ $status -ne 0 ] && [[ $4 != poke* ]]; then	# what a write that failed did nobody knows
			assert_eq "$now" "$before" "$where: refused"
		fi
	elif [ -n "$restarted" ] && [ $status -eq 0 ] && [[ $answer != 4096* ]]; then
		assert_eq "$now" "$after" "$where: done, then activated again"
	fi
	# Of a pool that was stopped in the middle all may be there that was recorded before.
	if [ "$now" != "$after" ] || { [ $status -ne 0 ] && [ "$before" = "$after" ]; }; then
		once "$where: again" "$4"
		assert_eq "$now" "$after" "$where: again"
	fi
	eval "$5" || fail "$where: wrong content"
}

# NAME DO UNDO [CHECK]: notes in $progress what was tried; ends the shell (77) when
# a point left a state that is made anew.
try_op() {
	local name=$1 before after d n i step count was
	[ -z "${tried[$stage $name]:-}" ] || return 0
	calm "$name"
	before=$now
	hand counts "${disks[@]}"
	read -ra was <<<"$said"
	once "$name" "$2"
	after=$now
	hand counts "${disks[@]}"
	read -ra count <<<"$said"
	once "undo $name" "$3"
	assert_eq "$now" "$before" "what undoing $name gives"
	for d in "${!disks[@]}"; do
		i=$((count[d] - was[d]))
		step=$((i > points ? i / points : 1))
		for ((n = 0; n < i; n += step)); do
			[ -z "${tried[$stage $name ${disks[d]} $n]:-}" ] || continue
			note "$stage $name ${disks[d]} $n"
			point "$name" "${disks[d]}" $n "$2" "${4:-true}" || exit 77
			once "undo after $where" "$3"
			[ "$now" = "$before" ] || exit 77
		done
	done
	note "$stage $name"
}
note() {
	tried[$1]=1
	echo "$1" >>"$progress"
}

need openssl replctl
replica_setup
sites_begin
: >"$progress"
declare -A tried=()
anew=0 start=$SECONDS
for stage in ${STAGES:-activate mirror turns}; do
	while :; do
		(
			sites_setup
			sites_$stage
		)
		status=$?
		[ $status -eq 0 ] || [ $status -eq 77 ] || exit 1
		replica_remove_all
		[ $status -eq 77 ] || break
		anew=$((anew + 1))
		while IFS= read -r line; do
			tried[$line]=1
		done <"$progress"
	done
	ok "$stage: no disk that dies makes it hang or lie"
	echo "# $stage: $((SECONDS - start)) s so far"
done
! kernel_said 'Metadata is damaged' || fail "metadata is called damaged where it could not be read"
ok "what cannot be read is not called damaged"
echo "# did: $(awk 'NF == 2' "$progress" | wc -l) operations, $(awk 'NF == 4' "$progress" | wc -l) times a disk died, $anew times it left something broken, $((SECONDS - start)) s"
