# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # variables of the caller
# Of selftests/run: count and print results, run scripts, run them in VMs.
# Uses: $top, $logs (directory), $results (file), $only (glob), $verbose.

. "$top/selftests/lib/header.sh"

# COMMAND...: what it prints stays together.
together() { { flock 8; "$@"; } 8>>"$results.lock"; }

# NAME passed|failed|skipped SECONDS [REASON [LOG]]: with what the test says that it
# did and, where it failed or --verbose wants it, the end of its log.
verdict() {
	local log=${5:-}
	result "$1" "$2" "$3" "${4:-}"
	[ -n "$log" ] || return 0
	show_did "$log"
	[ "$2" != failed ] && [ -z "$verbose" ] || show_log "$log"
}

# NAME passed|failed|skipped SECONDS [REASON]
result() {
	local name=$1 what=$2 seconds=$3 reason=${4:-} n
	echo "$what" >>"$results"
	n=$(wc -l <"$results")
	case $what in
	passed) echo "ok $n $name ($seconds s)" ;;
	skipped) echo "ok $n $name # SKIP ${reason:-no reason given}" ;;
	*) echo "not ok $n $name ($seconds s) # ${reason:-failed}" ;;
	esac
}

show_log() { tail -n 60 "$1" | sed 's/^/    | /'; }

# What a test says that it did, in numbers: its lines "# did: ...".
show_did() { sed -n 's/^# did: /    # /p' "$1"; }

# Seconds that something may take: its own limit, but not beyond the end of the
# time for all tests (DRP_DEADLINE, seconds since 1970; none if empty).
time_for() {
	local limit=$1 left
	if [ -n "${DRP_DEADLINE:-}" ]; then
		left=$((DRP_DEADLINE - $(date +%s)))
		[ $left -ge "$limit" ] || limit=$((left > 1 ? left : 1))
	fi
	echo "$limit"
}

out_of_time() { [ -n "${DRP_DEADLINE:-}" ] && [ "$(date +%s)" -ge "$DRP_DEADLINE" ]; }

no_time='the time for all tests (DRP_DEADLINE) is over'

# The scripts of a directory that --only lets through.
scripts_of() {
	local script
	for script in "$1"/*.sh; do
		# shellcheck disable=SC2053
		[ -e "$script" ] && [[ ${script##*/} == $only ]] && echo "${script#"$top"/}"
	done
	return 0
}

# SUITE SCRIPT: run it on this machine.
host_script() {
	local suite=$1 script=$2 start=$SECONDS status limit log reason name
	name=$suite/$(basename "$script" .sh)
	log=$logs/${name//\//-}.log
	if out_of_time; then
		together result "$name" failed 0 "not started: $no_time"
		return
	fi
	limit=$(header "$script" TIMEOUT)
	limit=$(time_for $((${limit:-300} * DRP_SLOW)))
	timeout -k 10 "$limit" bash "$script" >"$log" 2>&1 </dev/null
	status=$?
	case $status in
	0) together verdict "$name" passed $((SECONDS - start)) '' "$log" ;;
	4) together verdict "$name" skipped 0 "$(sed -n 's/.*# SKIP //p' "$log" | tail -n 1)" "$log" ;;
	*)
		reason=$(grep -m 1 '^not ok' "$log") || reason="exit status $status"
		case $status in
		124 | 137) reason="no end after $limit s" ;;
		esac
		! out_of_time || reason="$reason; $no_time"
		together verdict "$name" failed $((SECONDS - start)) "$reason" "$log" ;;
	esac
}

# SUITE SCRIPT...: each for itself, so as many at a time as there are processors.
host_scripts() {
	local suite=$1 script
	shift
	for script; do
		while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
			wait -n
		done
		host_script "$suite" "$script" &
	done
	wait
}

# SUITE COMMAND...: a program that prints TAP; its tests count one by one, and
# its failure without a failed test counts too.
tap_program() {
	local suite=$1 start=$SECONDS log status line name before failed=0
	shift
	log=$logs/$suite.log
	if out_of_time; then
		result "$suite" failed 0 "not started: $no_time"
		return
	fi
	before=$(wc -l <"$results")
	timeout -k 10 "$(time_for 1800)" "$@" >"$log" 2>&1 </dev/null
	status=$?
	while read -r line; do
		name=$suite/$(sed -E 's/^(not )?ok *[0-9]* *-? *//; s/ *# (SKIP|TODO).*//' <<<"$line")
		case $line in
		*"# SKIP"*) result "$name" skipped 0 "${line##*# SKIP }" ;;
		ok*) result "$name" passed 0 ;;
		*) result "$name" failed 0; failed=1 ;;
		esac
	done < <(grep -E '^(not )?ok [0-9]+' "$log")
	if [ $status -ne 0 ] && [ $failed -eq 0 ]; then
		result "$suite" failed $((SECONDS - start)) "'$*' ended with $status"
		failed=1
	elif [ "$(wc -l <"$results")" -eq "$before" ]; then
		result "$suite" failed $((SECONDS - start)) "'$*' reported no test"
		failed=1
	fi
	show_did "$log"
	[ $failed -eq 0 ] || show_log "$log"
}

# LOG BEGUN ENDED: the stream of guest-suite: log it, report what ended, note what began.
collect() {
	local line script what seconds reason log=$1 begun=$2 ended=$3
	while IFS= read -r line; do
		case $line in
		"@begin "*)
			script=${line#@begin }
			echo "$script" >>"$begun"
			log=$logs/vm-$(basename "$script" .sh).log
			: >"$log" ;;
		"@end "*)
			read -r _ script what seconds reason <<<"$line"
			echo "$script $what" >>"$ended"
			together verdict "vm/$(basename "$script" .sh)" "$what" "$seconds" "$reason" "$log"
			log=$1 ;;
		*) echo "$line" >>"$log" ;;
		esac
	done
}

# GROUP VM-OPTIONS SCRIPT...: in one VM; what a broken VM left over in another.
vm_group() {
	local group=$1 options=$2 limit=$((180 * DRP_SLOW)) script t status lost left reason log=$logs/vm-group-$1.log
	local begun=$work/begun-$1 ended=$work/ended-$1
	shift 2
	for script; do
		t=$(header "$script" TIMEOUT)
		limit=$((limit + ${t:-120} * DRP_SLOW))
	done
	while [ $# -gt 0 ]; do
		if out_of_time; then
			for script; do
				together result "vm/$(basename "$script" .sh)" failed 0 "not started: $no_time"
			done
			return
		fi
		: >"$begun"
		: >"$ended"
		: >"$log"
		# shellcheck disable=SC2086
		selftests/vm/run --timeout "$(time_for $limit)" $options \
			--env SEED --env FAILURES --env ROUNDS --env RUNS --env LENGTH --env STAGES -- \
			selftests/vm/guest-suite "$@" 2>&1 | collect "$log" "$begun" "$ended"
		status=${PIPESTATUS[0]}
		lost=$(cut -d ' ' -f 1 "$ended" | grep -vxFf - "$begun")
		if [ -n "$lost" ]; then
			reason="the VM ended with $status"
			! out_of_time || reason="$reason: $no_time"
			together verdict "vm/$(basename "$lost" .sh)" failed 0 "$reason" \
				"$logs/vm-$(basename "$lost" .sh).log"
		elif [ ! -s "$begun" ] && ! out_of_time; then
			together verdict "vm/$group" failed 0 "no VM (status $status): $# scripts did not run" "$log"
			return
		elif [ "$status" -ne 0 ] && [ -s "$begun" ] && ! grep -q ' failed$' "$ended"; then
			together verdict "vm/$group-verdict" failed 0 "the VM ended with $status" "$log"
		fi
		mapfile -t left < <(printf '%s\n' "$@" | grep -vxFf "$begun")
		set -- "${left[@]}"
	done
}
