#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: each allocation that an operation makes fails in turn: it is done or refused, nothing else changes, and it can be asked for again
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 600
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"
# shellcheck source=selftests/lib/sites.sh
. "$DRP_TOP/selftests/lib/sites.sh"

# ROUNDS=N: each operation N times with another allocation that fails (200 are all);
# without, at each place of the source once, whatever operation comes there first.
# STAGES: which ones. LATER=1: not one fails, but all from it on, until the operation
# has ended.
rounds=${ROUNDS:-}
kernel=${VM_KERNEL:-6.1}
module=$DRP_TOP/build/module-$kernel-fail/kernel/dm-replica/dm-replica.ko
[ -e "$module" ] || skip "no module whose allocations can be made to fail (selftests/fail/build $kernel)"
nth=/sys/module/dm_replica/parameters/fail_nth

need openssl replctl
run_ok rmmod dm_replica
run_ok insmod "$module"
back() {
	rmmod dm_replica
	insmod "${module/-fail/}"
}
at_exit back
# Where it ended in a failure: what the last operation had allocated.
armed=0
allocations() { [ "$armed" -eq 0 ] || paste -sd ' ' $nth | sed 's/^/# its allocations: /'; }
at_exit allocations
if [ -n "${LATER:-}" ]; then
	echo 1 >/sys/module/dm_replica/parameters/fail_later
fi

# The state before becomes that after; nothing fails.
once() {
	eval "$2" || fail "$1: fails without a fault: ${answer-} $said"
	calm "$1"
}

# N NAME DO: with the Nth allocation that fails; 1 if there were less. In $status
# how the operation ended, in $sites all that there were, in $site what failed.
faulted() {
	echo "$1" >$nth
	armed=$1
	answer=
	eval "$3"
	status=$?
	[ -z "${LATER:-}" ] || echo 0 >$nth
	calm "$2 without its allocation $1"
	mapfile -t sites <$nth
	echo 0 >$nth
	armed=0
	site=${sites[$1 - 1]:-}
	[ -n "$site" ]
}

# NAME DO UNDO [CHECK]
try_op() {
	local name=$1 n before after refused=0 tried=0 expected
	calm "$name"
	before=$now
	faulted 1000000 "$name" "$2"
	[ $status -eq 0 ] || fail "$name: fails without a fault: ${answer-}"
	after=$now
	expected=("${sites[@]}")
	eval "${4:-true}" || fail "$name: wrong content, without a fault"
	once "undo $name" "$3"
	assert_eq "$now" "$before" "what undoing $name gives"
	for ((n = 1; n <= ${#expected[@]} && tried < ${rounds:-200}; n++)); do
		[ -n "$rounds" ] || [ -z "${seen[${expected[n - 1]}]:-}" ] || continue
		tried=$((tried + 1))
		# It may have needed less this time.
		if ! faulted $n "$name" "$2"; then
			assert_eq "$status $now" "0 $after" "$name without a fault"
			once "undo $name" "$3"
			continue
		fi
		seen[$site]=1
		faults=$((faults + 1))
		[ $status -eq 0 ] || refused=$((refused + 1))
		where="$name without $site (allocation $n; it ended with $status ${answer:-})"
		[ $status -ne 95 ] || fail "$where: memory is no reason for Not Supported"
		# Hosts go on whatever happens.
		[[ $2 != poke* ]] || [ $status -eq 0 ] || fail "$where: a host's write fails"
		[ "$now" = "$before" ] || [ "$now" = "$after" ] || fail "$where: $now
			before: $before
			after: $after"
		if [ $status -eq 0 ] && [[ $answer != 4096* ]]; then
			assert_eq "$now" "$after" "$where: done"
		elif [ $status -ne 0 ]; then
			assert_eq "$now" "$before" "$where: refused"
		fi
		if [ $status -ne 0 ] || [ "$now" != "$after" ]; then
			once "$name again after $where" "$2"
			assert_eq "$now" "$after" "$name again after $where"
		fi
		eval "${4:-true}" || fail "$where: wrong content"
		once "undo $name after $where" "$3"
		assert_eq "$now" "$before" "undo after $where"
	done
	echo "# $name: ${#expected[@]} allocations, $tried failed, $refused times it was refused"
	operations=$((operations + 1))
}

declare -A seen=()
faults=0 operations=0
replica_setup
sites_begin
sites_setup
start=$SECONDS
for stage in ${STAGES:-objects activate mirror turns snapshot clone queries}; do
	sites_$stage
	pool_is_rw || fail "the pool's mode: $now"
	echo "# $stage: $((SECONDS - start)) s so far"
	ok "$stage: done or refused, whatever allocation fails"
done
! kernel_said damaged || fail "metadata is called damaged where memory was short"
for e in a b c; do
	must remove p-$e
done
must remove p
must up
must attach a
kept a || fail "a is not what it was"
ok "the pool can be activated again"
echo "# ${!seen[*]}"
echo "# did: $operations operations, $faults allocations failed at ${#seen[@]} places, $((SECONDS - start)) s"
