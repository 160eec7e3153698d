#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: this test shows that the debug kernel, and the one with KCSAN, report
# each kind of planted fault, and that the harness fails a command for it.
# TIMEOUT: 600
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../../lib/drp.sh"

kernel=${KVER:-6.1}
case $kernel in
debug) faults='inversion atomic stale list shift leak' ;;
kcsan) faults=race ;;
*) skip "kernel $kernel has no KASAN, lockdep, kmemleak, KCSAN" ;;
esac
provoke=$DRP_TOP/build/module-$kernel/selftests/provoke/drp_provoke.ko
[ -e "$provoke" ] || skip "$provoke is not built"

# In one VM, as it takes minutes to come up. The lock inversion goes first: the
# kernel stops watching locks after any other complaint.
cat >"$DRP_TMP/guest" <<-'GUEST'
	. "$1/selftests/vm/splat.sh"
	for what in $3; do
		dmesg -C
		insmod "$2" what=$what 2>/dev/null
		[ $what != leak ] || kmemleak_scan
		dmesg | splat_lines | sed "s/^/$what: /"
		dmesg | grep -o "provoke_$what" | head -n 1 | sed "s/^/$what: /"
	done
	exit 0
GUEST
"$DRP_TOP/selftests/vm/run" --kernel "$kernel" --cpus 2 --no-module -- \
	bash -c "$(cat "$DRP_TMP/guest")" guest "$DRP_TOP" "$provoke" "$faults" \
	>"$DRP_TMP/out" 2>"$DRP_TMP/err"
status=$?
sed 's/^/# /' "$DRP_TMP/out"
assert_eq $status 124 "status of a command that succeeds on a kernel that complains"
ok "the complaints fail a command that succeeded"

# FAULT REGEX
reported() {
	grep -qE "^$1: .*$2" "$DRP_TMP/out" || fail "$1: no line '$2'"
	ok "$1 is reported"
}

if [ "$kernel" = kcsan ]; then
	reported race 'KCSAN: data-race in '
	reported race race_along
	exit 0
fi
reported inversion 'possible circular locking dependency'
reported inversion provoke_inversion
reported atomic '(scheduling while atomic|sleeping function)'
reported atomic provoke_atomic
reported stale 'KASAN: (slab-)?use-after-free'
reported stale provoke_stale
reported list 'list_del corruption'
reported list provoke_list
reported shift 'UBSAN: shift-out-of-bounds'
reported shift provoke_shift
reported leak 'unreferenced object'
