# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # strings for eval; variables of the caller
# Operations, each with what undoes it and what must hold after it, for tests that
# let something fail in the middle. Sourced after snapshot.sh. The script has
#	try_op NAME DO UNDO [CHECK]
# which is called in the state before; all three are commands for eval. Elements
# a, b and c of 4 MiB are on the disks da, db and dc, COW space is on cp.

sites_mib=4
sites_seed=0
job=

# What is there and how it is, without ids and figures: a line per device.
look() {
	dmsetup status 2>/dev/null | awk '
		$1 !~ /^p(-.*)?:$/ { next }
		$4 == "replica-pool" { print $1, $6, $7, $8; next }
		{
			line = $1 " " $7 " " $8
			for (i = 11; i + 7 <= NF; i += 8)
				line = line " [" $(i + 1) " " $(i + 2) " " $(i + 3) " " $(i + 4) "]"
			print line
		}' | sort
}

# Nothing is under way; how it is then is in $now.
is_calm() {
	now=$(look)
	[[ ! $now =~ (ing|failing-over|failing-back)\] ]]
}
calm() {
	local end=$((SECONDS + 60 * ${DRP_SLOW:-1}))
	if [ -n "$job" ]; then
		wait_until 60 job_is_settled p "$job" || fail "$*: job $job has no end"
		job=
	fi
	until is_calm; do
		[ $SECONDS -lt $end ] || fail "$*: no end: $now"
		sleep 0.05
	done
}

# WORD...: a request, for whose copy or job nobody waits; its words are in $answer.
ask() {
	local status
	answer=$(timeout $((30 * ${DRP_SLOW:-1})) dmsetup message p 0 "$@" 2>&1)
	status=$?
	[ $status -ne 124 ] || fail "'$*' has no end"
	[[ ! $answer =~ ^4096\ job=([0-9]+) ]] || job=${BASH_REMATCH[1]}
	return $status
}
# SYNC OPERATION [WORD]...
on() { ask modify "$2" "${sync_id[$1]}" "${@:3}"; }

# The same, and what it started has ended.
end_on() { on "$@" && calm "$*"; }

# KIND SOURCE TARGET [WORD]...: called SOURCETARGET.
relate() {
	next_id
	sync_id[$2$3]=$id
	ask create_sync "$id" "$1" "${element_id[p/$2]}" "${element_id[p/$3]}" "name=$2$3" "${@:4}"
}
# SOURCE TARGET [WORD]...: a snapshot, not attached.
shoot() {
	next_id
	sync_id[$2]=$id
	next_id
	element_id[p/$2]=$id
	virtual_sectors[p/$2]=$((sites_mib * 2048))
	ask create_sync "${sync_id[$2]}" snapshot "${element_id[p/$1]}" "$id" \
		"name=$2" "target_name=$2" "${@:3}"
}
make_element() {
	next_id
	element_id[p/$1]=$id
	ask create_element "$id" "$1" size=$((sites_mib * 2048))
}
drop_element() { ask delete_element "${element_id[p/$1]}"; }

# Commands of dmsetup, quiet, and with an end.
dm() { timeout $((30 * ${DRP_SLOW:-1})) dmsetup "$@" >"$DRP_TMP/said" 2>&1; }
up() { dm create p --table "$(pool_table p)"; }
attach() { dm create "p-$1" --table "$(element_table p "$1")"; }
remove() { dm remove --retry "$1"; }
reload() { dm load "$1" --table "$(dmsetup table "$1")" && dm resume "$1"; }
bounce() { dm suspend "$1" && dm resume "$1"; }

# ELEMENT [MIB]: other data than before, from its start.
touch_up() {
	sites_seed=$((sites_seed + 1))
	scribble "/dev/mapper/p-$1" 0 "${2:-1}" $sites_seed
}
# ELEMENT: one write of a host.
poke() {
	dd if=/dev/urandom of="/dev/mapper/p-$1" bs=64k seek=$((RANDOM % (sites_mib * 16))) count=1 \
		oflag=direct conv=notrunc,fsync status=none 2>/dev/null
}
same() { same_content "/dev/$1" "/dev/$2" $((sites_mib << 20)); }
keep_of() { keep "/dev/mapper/p-$1" "$DRP_TMP/$1"; }
# ELEMENT [KEPT]: it shows what was kept of it.
kept() { shows "/dev/mapper/p-$1" "$DRP_TMP/${2:-$1}"; }
# COMMAND...: a question; what it prints is in the file words.
says() { "$@" >"$DRP_TMP/words" 2>/dev/null; }
# Figures may change, what there is to say does not.
said_all() { [ "$(wc -l <"$DRP_TMP/words")" -eq "$(wc -l <"$DRP_TMP/all")" ]; }

sites_setup() {
	local e
	cow_pool_create p 16
	for e in a b c; do
		element p $e $sites_mib
		touch_up $e $sites_mib
	done
	keep_of a
}

sites_objects() {
	try_op element-create 'make_element e' 'drop_element e' 'kept a'
	make_element e
	try_op settings 'ask set "element:${element_id[p/e]}" active_extents_max=64' \
		'ask set "element:${element_id[p/e]}" active_extents_max=128' 'kept a'
	try_op element-delete 'drop_element e' 'make_element e' 'kept a'
	drop_element e
	unset 'element_id[p/e]'
	remove p-c
	try_op element-attach 'attach c' 'remove p-c' 'kept a'
	attach c
	try_op element-reload 'reload p-a' true 'kept a'
	try_op element-suspend 'bounce p-a' true 'kept a'
	try_op pool-reload 'reload p' true 'kept a'
	try_op pool-suspend 'bounce p' true 'kept a'
}

# Activation: with a mirror, a snapshot and an aspect to load.
sites_activate() {
	local e
	relate mirror a b && calm
	shoot a x && attach x && touch_up a && keep_of x && keep_of a
	calm
	for e in x a b c; do
		remove p-$e
	done
	remove p
	try_op activate up 'remove p'
	up
	try_op attach-source 'attach a' 'remove p-a' 'kept a'
	attach a
	try_op attach-snapshot 'attach x' 'remove p-x' 'kept x'
	attach x
	attach b
	attach c
	calm
	remove p-x
	end_on x return-to-resource-pool && on ab detach force
	calm
	forget_snapshot p x
}

sites_mirror() {
	try_op mirror-create 'relate mirror a b' 'on ab detach force' 'kept a && same da db'
	relate mirror a b
	calm
	try_op detach 'on ab detach force' 'relate mirror a b' 'kept a && same da db'
	try_op split 'on ab split' 'on ab resync-replica' 'kept a && kept b a'
	try_op fracture 'on ab fracture' 'on ab resync-replica' 'kept a && kept b a'
	try_op suspend 'on ab suspend' 'on ab resume' 'kept a'
	on ab suspend
	try_op resume 'on ab resume' 'on ab suspend' 'kept a && same da db'
	on ab resume
	calm
	try_op deactivate 'on ab deactivate force' 'on ab activate' 'kept a'
	on ab deactivate force
	try_op activate-sync 'on ab activate' 'on ab deactivate force' 'kept a && same da db'
	on ab activate
	calm
	on ab split
	try_op resync 'on ab resync-replica' 'end_on ab split && touch_up a && keep_of a' \
		'kept a && same da db'
	on ab resync-replica
	calm
	try_op mirror-write 'poke a' true 'same da db'
	keep_of a
	on ab detach force
}

sites_turns() {
	relate mirror a b
	calm
	try_op failover 'on ab failover' 'on ab failback' 'kept b a'
	on ab failover
	try_op failback 'on ab failback' 'end_on ab failover && touch_up b && keep_of b && cp "$DRP_TMP/b" "$DRP_TMP/a"' \
		'kept a && same da db'
	on ab failback
	calm
	try_op reverse-roles 'on ab reverse-roles' 'on ab reverse-roles' 'kept a && same da db'
	end_on ab split && touch_up b && keep_of b
	try_op restore 'on ab restore-from-replica force' \
		'end_on ab resync-replica force && end_on ab split && touch_up b && keep_of b' \
		'kept a b && same da db'
	on ab resync-replica force
	calm
	keep_of a
	on ab detach force
}

sites_snapshot() {
	try_op snapshot-create 'shoot a x' 'on x return-to-resource-pool' 'kept a'
	shoot a x && attach x
	keep_of x
	try_op first-touch 'poke a' 'end_on x resync-replica && keep_of x' 'kept x'
	keep_of a
	try_op snapshot-write 'poke x' 'on x resync-replica' 'kept a'
	on x resync-replica
	calm
	keep_of x
	try_op snapshot-resync 'on x resync-replica' 'touch_up a && keep_of a' 'kept x a && kept a'
	keep_of x
	try_op snapshot-deactivate 'on x deactivate force' 'on x activate' 'kept a'
	on x deactivate force
	try_op snapshot-activate 'on x activate' 'on x deactivate force' 'kept a && kept x a'
	on x activate
	calm
	keep_of x
	touch_up a
	try_op snapshot-restore 'on x restore-from-replica force' \
		'end_on x resync-replica && keep_of x && touch_up a' 'kept a x && kept x'
	keep_of a
	remove p-x
	try_op snapshot-return 'on x return-to-resource-pool force' 'shoot a x' 'kept a'
	try_op dissolve 'on x dissolve' 'drop_aspects && drop_element x && shoot a x' 'kept a'
	on x dissolve
	calm
	try_op aspect-target 'shoot a y aspect=$(first_aspect)' 'on y return-to-resource-pool force' 'kept a'
	try_op aspect-delete drop_aspects 'drop_element x; shoot a x && on x dissolve' 'kept a'
	drop_aspects
	drop_element x
	forget_snapshot p x
	calm
}
first_aspect() { replctl aspect list | awk '$1 ~ "^p/" { print $2; exit }'; }
drop_aspects() { ask delete_aspect "$(first_aspect)"; }

sites_clone() {
	try_op clone-create 'relate clone a c' 'on ac detach force' 'kept a && kept c a'
	relate clone a c
	calm
	try_op clone-resync 'on ac resync-replica' 'touch_up a && keep_of a' 'kept a && kept c a'
	touch_up a $sites_mib
	keep_of a
	cp "$DRP_TMP/a" "$DRP_TMP/c"
	on ac resync-replica rate_limit=1K
	answer=
	on ac suspend
	try_op clone-write 'poke a' true 'kept c'
	keep_of a
	ask set "sync:${sync_id[ac]}" rate_limit=0
	on ac resume
	calm
	try_op clone-restore 'on ac restore-from-replica force' \
		'end_on ac resync-replica force && touch_up a' 'kept a c && kept c'
	keep_of a
	on ac detach force
	calm
}

# An answer is all of it, or there is none.
sites_queries() {
	local q
	relate mirror a b
	calm
	end_on ab split && touch_up a
	shoot a x
	touch_up a
	keep_of a
	calm
	for q in list 'element list' 'pool show p' 'job list' 'show ab' 'map ab' 'diff a x' \
		'capabilities ab' 'pool space p'; do
		# shellcheck disable=SC2086
		says replctl $q --json || fail "replctl $q"
		mv "$DRP_TMP/words" "$DRP_TMP/all"
		try_op "$q" "says replctl $q --json" true said_all
	done
	says dmsetup status
	mv "$DRP_TMP/words" "$DRP_TMP/all"
	try_op status 'says dmsetup status' true said_all
	on x return-to-resource-pool force
	on ab resync-replica
	calm
	on ab detach force
	forget_snapshot p x
}
