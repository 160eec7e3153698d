#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: malformed messages are refused with words and change nothing
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 300
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/bad-input.sh
. "$DRP_TOP/selftests/lib/bad-input.sh"

long=$(printf 'n%.0s' {1..64})
longer=$(printf 'x%.0s' {1..2000})
many=$(seq -s ' ' 1000 1070)

# EINVAL: not understood. One message per line, words split at blanks.
invalid() {
	cat <<-TEXT
		nonsense
		create_element
		create_element 9
		create_element x name size=8
		create_element -1 name size=8
		create_element 9223372036854775808 name size=8
		create_element 99999999999999999999999 name size=8
		create_element 9 a/b size=8
		create_element 9 .. size=8
		create_element 9 -x size=8
		create_element 9 $long size=8
		create_element 9 name size=0
		create_element 9 name size=-8
		create_element 9 name size=99999999999999999999
		create_element 9 name size=8 size=8
		create_element 9 name size=8 nokey=1
		create_element 9 name size=8 mode=sync
		create_element 9 name size=8 identity=
		create_element 9 $longer size=8
		delete_element
		delete_element 0
		delete_element 1 please
		delete_element 1 force force
		create_sync 9 mirror 1
		create_sync 9 copy 1 2
		create_sync 9 9 1 2
		create_sync 9 mirror 1 1
		create_sync 9 mirror 1 2 mode=both
		create_sync 9 mirror 1 2 copy_priority=5
		create_sync 9 mirror 1 2 rate_limit=1X
		create_sync 9 mirror 1 2 rate_limit=99999999999999999999
		create_sync 9 mirror 1 2 wait_for_copy_state=mixed
		create_sync 9 mirror 1 2 deadline_ms=0
		modify
		modify fracture
		modify nothing 3
		modify 0 3
		modify 1 3
		modify 25 3
		modify 65548 3
		modify fracture sync:3
		modify fracture group:x
		modify fracture 3 pair:4
		modify fracture 3 dry_run dry_run
		modify fracture 3 $longer
		set
		set pool
		set nobody:1 name=x
		set sync:3 size=8
		set sync:0 rate_limit=1
		set element:1 read_policy=best
		create_group 9 g x
		add_members 9
		add_members 9 1 1
		add_members 9 $many
		job 1
		job 1 stop
		delete_aspect x
		restore_aspect x
		restore_aspect 1 mode=sync
	TEXT
}

# ENOENT: understood, but about nobody.
unknown() {
	cat <<-TEXT
		delete_element 77
		create_sync 9 mirror 77 2
		create_sync 9 mirror 1 77
		modify fracture 77
		set element:77 read_policy=balance
		job 77 suspend
		delete_aspect 77
		restore_aspect 77 force
	TEXT
}

# The last refusal must be there, in one word.
check_last_refusal() {
	assert_match "$(dmsetup status bad | cut -d ' ' -f 15)" '^[^[:cntrl:] -][^[:cntrl:] ]*$' \
		"last refusal after $1"
}

# ERRNO-TEXT: every line of stdin must be refused with it. A process costs half
# a second in an emulated machine, so the rest is checked every 16 messages;
# STEP=1 finds the one that did it.
refuse_all() {
	local line words n=0
	while read -r line; do
		read -ra words <<<"$line"
		run_fails any dmsetup message -- bad 0 "${words[@]}"
		assert_match "$(<"$DRP_TMP/stderr")" "$1" "'${line:0:80}'"
		n=$((n + 1))
		if [ $((n % ${STEP:-16})) -eq 0 ]; then
			check_last_refusal "'${line:0:80}'"
			assert_eq "$(bad_state)" "$before" "state after '${line:0:80}'"
		fi
	done
	check_last_refusal "$n messages"
	assert_eq "$(bad_state)" "$before" "state after $n messages"
	[ $n -gt 5 ] || fail "only $n messages were tried"
	ok "$n messages: $1, with words, nothing changed"
}

bad_setup
before=$(bad_state)
kernel_mark

refuse_all 'Invalid argument' < <(invalid)
refuse_all 'No such file or directory' < <(unknown)

run_fails any dmsetup message bad 0 "$(printf '\001\377%%s%%n')"
check_last_refusal "control characters"
ok "control characters do not reach the status line"

if id nobody >/dev/null 2>&1 && command -v setpriv >/dev/null; then
	run_fails any setpriv --reuid nobody --clear-groups dmsetup message bad 0 modify fracture 3
	assert_eq "$(bad_state)" "$before" "state after nobody's message"
	ok "nobody cannot send messages"
fi

kernel_said 'BUG:|WARNING:|Oops|KASAN' && fail "the kernel complained"
ok "no complaint in the kernel log"
bad_still_works
ok "the pool still works"
