# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2120 # variables of other files; must up...
# Operations, one after the other, for tests that do something to each of them in
# the middle. Sourced after snapshot.sh. The script has
#	try_op NAME DO UNDO [CHECK]
# which is called in the state before; all three are commands for eval. Elements
# a, b and c of 4 MiB are on the disks da, db and dc, COW space is on cp.
# There are thousands of steps: the program hand does what would be one each.

sites_mib=4
sites_seed=0
job=
now=
said=

sites_begin() {
	local program=$DRP_TOP/build/selftests/hand
	[ -x "$program" ] || skip "$program is not built: make -C selftests/dm-replica"
	mkfifo "$DRP_TMP/ask" "$DRP_TMP/told"
	"$program" <"$DRP_TMP/ask" >"$DRP_TMP/told" 8>&- 9>&- &
	hand_pid=$!
	exec 8>"$DRP_TMP/ask" 9<"$DRP_TMP/told"
	at_exit sites_end
}
sites_end() {
	echo hosts-end >&8
	exec 8>&- 9<&-
	wait $hand_pid
}

# WORD...: a command of hand; its words are in $said.
hand() {
	local line
	printf '%s\n' "$*" >&8
	IFS= read -r -t $((90 * ${DRP_SLOW:-1})) -u 9 line || fail "'$*' has no end"
	said=${line#* }
	return "${line%% *}"
}

# How it is: without ids and figures, in $now.
look() {
	hand look
	now=$said
}
pool_is_rw() { look && [[ $now == *"p: rw "* ]]; }

# Nothing is under way; how it is then is in $now.
calm() {
	hand calm $((60 * ${DRP_SLOW:-1})) "${job:-0}" || fail "$*: no end: $said (job ${job:-none})"
	now=$said
	job=
	# What has stopped does nothing.
	[[ ! $now =~ (broken|invalid|aborted)\ [a-z-]*ing\] ]] || fail "$*: $now"
}

# WORD...: a request, for whose copy or job nobody waits; its words are in $answer.
ask() {
	local status
	hand message p "$@"
	status=$?
	answer=$said
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

up() { hand create p 0 8 replica-pool "/dev/mp /dev/cp ${CHUNK_SECTORS:-8} ${*:+$# $*}"; }
attach() {
	local disk=/dev/d$1
	[ -z "${virtual_sectors[p/$1]:-}" ] || disk=
	hand create "p-$1" 0 $((sites_mib * 2048)) replica "/dev/mapper/p ${element_id[p/$1]} $disk"
}
remove() { hand remove "$1"; }
reload() { hand reload "$1"; }
bounce() { hand suspend "$1" && hand resume "$1"; }

# ELEMENT [MIB]: other data than before, from its start.
touch_up() {
	sites_seed=$((sites_seed + 1))
	hand fill "/dev/mapper/p-$1" "${2:-1}" $sites_seed
}
# ELEMENT: one write of a host.
poke() { hand poke "/dev/mapper/p-$1" $sites_mib; }
same() { hand same "/dev/$1" "/dev/$2"; }
keep_of() { hand keep "/dev/mapper/p-$1" "$1"; }
# ELEMENT OTHER: what is kept of it is what is kept of the other.
keep_as() { hand as "$1" "$2"; }
# ELEMENT [KEPT]: it shows what was kept of it.
kept() { hand shows "/dev/mapper/p-$1" "${2:-$1}"; }
# COMMAND...: a question; what it prints is in the file words.
says() { "$@" >"$DRP_TMP/words" 2>/dev/null; }
# Figures may change, what there is to say does not.
said_all() { [ "$(wc -l <"$DRP_TMP/words")" -eq "$(wc -l <"$DRP_TMP/all")" ]; }

# COMMAND...: of hand, must succeed.
must() { "$@" || fail "'$*': $said"; }

sites_setup() {
	local e
	run_ok simdisk_create mp 16
	run_ok simdisk_create cp 16
	must up name=p
	for e in a b c; do
		run_ok simdisk_create d$e $sites_mib
		must make_element $e
		must attach $e
		must touch_up $e $sites_mib
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
	try_op failback 'on ab failback' 'end_on ab failover && touch_up b && keep_of b && keep_as a b' \
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
	keep_as c a
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
