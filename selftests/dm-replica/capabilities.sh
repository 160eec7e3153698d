#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: capabilities list what is accepted now, also where a mount, a device, a size or another sync decides
# REQUIRES: replica simdisk dmsetup python3 mkfs.ext4
# TIMEOUT: 300
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/directions.sh
. "$DRP_TOP/selftests/lib/directions.sh"

replica_setup
need replctl

# SYNC WHEN: capabilities list what dry runs accept, with Force where they want it.
capabilities_true() {
	python3 "$DRP_TOP/selftests/lib/capabilities.py" p "$1" "${sync_id[$1]}" >"$DRP_TMP/cap" 2>&1 ||
		fail "capabilities of $1, $2: $(<"$DRP_TMP/cap")"
	ok "capabilities of $1 are what dry runs say: $2"
}

# COMMAND... -- WORDS: what it prints, sooner or later: what takes long goes on as
# a job, and another operation may be under way.
prints() {
	local regex=${*: -1}
	"${@:1:$#-2}" >"$DRP_TMP/printed" 2>&1
	grep -qE "$regex" "$DRP_TMP/printed"
}

says() { wait_until 30 prints "$@" || fail "'${*:1:$#-2}' does not say '${*: -1}': $(<"$DRP_TMP/printed")"; }

# SYNC OPERATION YES|NO [FORCE] [REASON]: its line of capabilities.
capable() {
	says replctl capabilities "$1" -- "^$2 +yes +$3.*${4:-}"
}

# OPERATION WORDS: of a dry run with Force.
dry_run_says() {
	says replctl "$1" ab --force --dry-run -- "$2"
}

# OPERATION: refused because a is in use, and says so.
in_use() {
	says replctl "$1" ab -- 'In Use.* a is mounted'
}

pool_create p
element p a 8
element p b 8
run_ok mkfs.ext4 -q -F /dev/mapper/p-a
mirror p a b
wait_state p-a ab synchronized

mnt=$DRP_TMP/mnt
mkdir "$mnt"
run_ok mount /dev/mapper/p-a "$mnt"
at_exit "umount '$mnt' 2>/dev/null"
in_use reverse-roles
in_use failover
capable ab 'Reverse Roles' 'yes +yes' 'a is mounted'
capabilities_true ab "a is mounted"
dry_run_says reverse-roles 'hosts could no longer write a.*; a is in use'
run_ok umount "$mnt"
assert_state p-a ab synchronized
ok "reverse-roles and failover of a mounted source: In Use"

modify p split ab
scribble /dev/mapper/p-b 4 2 2
shadow take mapper/p-b target
run_ok mount -o ro /dev/mapper/p-a "$mnt"
in_use restore-from-replica
assert_state p-a ab split
capabilities_true ab "split, a is mounted"
dry_run_says restore-from-replica 'b would overwrite a: .*; a is in use'
modify p restore-from-replica ab force
wait_state p-a ab restored
run_ok umount "$mnt"
medium_is da target
ok "a mounted source is restored with Force only"

# What is refused for another reason than the state is not listed.
element p c 12
mirror p a c
wait_state p-a ac synchronized
capable ac 'Reverse Roles' no 'could not follow'
capabilities_true ac "its target is larger"
modify p split ac
scribble /dev/mapper/p-b 0 2 4
modify p restore-from-replica ab rate_limit=$SLOW
capable ac 'Restore from Replica' no 'being restored'
capable ac 'Resync Replica' 'yes +no'
capabilities_true ac "another restores its source"
rate ab 0
wait_state p-a ab restored
element_remove_device p b
capable ab 'Resync Replica' no 'not attached'
capable ab 'Detach' 'yes'
capabilities_true ab "restored, its target is away"
element_attach p b
capable ab 'Resync Replica' 'yes +no'
