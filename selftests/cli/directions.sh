#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: restore, failover, failback and reverse roles say which way data flows and what comes next
# shellcheck source=selftests/cli/common.bash
. "$(dirname "$0")/common.bash"

cli 0 restore-from-replica apart --dry-run
prints '^  copy would overwrite home: 1 MiB at most$'
cli 0 resync-replica apart --dry-run
prints '^  home would overwrite copy: 1 MiB at most$'
cli 0 failover home-copy --dry-run
prints '^  nothing would be overwritten$'
cli 17 failover torn --dry-run
says "Force Required.*; --force consents to that, '--force --dry-run' says how much it is$"
ok "a dry run names the side that would be overwritten"

cli 0 failover home-copy --wait-for-copy-state failedover --timeout 10
prints '^ReturnValue=0 '
cli 0 restore-from-replica apart --wait-for-copy-state restored --timeout 10
prints '^ReturnValue=4096 .* Job=10$'
cli 0 failback over --wait-for-copy-state synchronized --timeout 10
prints '^ReturnValue=4096 .* Job=10$'
cli 4 failback over --wait-for-copy-state restored --timeout 10
says 'the copy state is Synchronized, Restored was waited for'
ok "Failedover, Restored and Synchronized are waited for"

cli 0 reverse-roles home-copy
prints '^ReturnValue=0 .* UpdatedSynchronization=11$'
prints '^  copy is the source now, home the target$'
cli 0 reverse-roles home-copy --dry-run
grep -q 'is the source now' "$DRP_TMP/stdout" && fail "a dry run told of new roles"
ok "reverse-roles returns the synchronization and says the roles"

# It is Synchronized before, too: only the end of the job says that it is done.
cli 0 reverse-roles home-copy --wait-for-copy-state synchronized --timeout 10
prints '^ReturnValue=4096 .* Job=10$'
prints '^UpdatedSynchronization=11$'
prints '^  copy is the source now, home the target$'
cli 0 reverse-roles home-copy --wait-for-copy-state synchronized --timeout 10 --json
grep -q '"UpdatedSynchronization": *11' "$DRP_TMP/stdout" || fail "no UpdatedSynchronization"
ok "a reversal that takes long returns it when it is done"

cli 0 show back
prints '^ProgressStatus +Restoring$'
prints '^SourceIsOverwritten +yes$'
prints '^Advice +home already shows the content of copy'
cli 0 show over
prints "^Advice +hosts use copy; 'replctl failback tank/over'.*'replctl reverse-roles tank/over'"
cli 0 show home-copy
grep -q '^Advice' "$DRP_TMP/stdout" && fail "advice where there is nothing to do"
ok "show says which way data flows and what comes next"

# OPERATION POSSIBLE FORCE LEADS-TO: a line of the last capabilities
possible() {
	prints "^$1 +yes +$2 +$3 +$4( |$)"
}
cli 0 capabilities over
possible Failback yes no Synchronized
possible 'Reverse Roles' yes no Suspended
possible 'Resync Replica' no - -
prints '^Resync Replica .*only the target has the last writes'
cli 0 capabilities back
possible Abort yes yes Broken
possible Suspend yes no Suspended
possible Detach no - -
cli 0 capabilities home-copy
possible Failover yes no Failedover
possible 'Reverse Roles' yes no Synchronized
ok "capabilities list what is possible now, with Force, and why not"

if command -v script >/dev/null; then
	TERM=vt100 script -qec "$CLI restore-from-replica apart --wait-for-copy-state restored" /dev/null \
		</dev/null >"$DRP_TMP/bar"
	grep -q 'Restoring copy -> home \[####* *\] *42% *50.0 MiB/s ETA 1m01s' "$DRP_TMP/bar" ||
		fail "no bar with its direction: $(cat -v "$DRP_TMP/bar")"
	TERM=vt100 script -qec "$CLI failback over --wait-for-copy-state synchronized" /dev/null \
		</dev/null >"$DRP_TMP/bar"
	grep -q 'Failing back copy -> home \[' "$DRP_TMP/bar" || fail "no bar of a failback"
	ok "the bar names the direction"
fi

cli 0 pool show attic
prints '^PoolMode +Read Only$'
prints "^Advice +the metadata device failed: .*replctl pool deactivate attic.*pool check"
cli 0 pool show tank
grep -q '^Advice' "$DRP_TMP/stdout" && fail "advice for a pool that is well"
cli 0 status
prints '^attic +the metadata device failed'
prints "^tank/lost +'replctl resync-replica tank/lost'$"
ok "a read-only pool and a broken mirror come with what to do"

cli 0 job show 8
prints '^SettingsState +22$'
prints '^Rate +25.0 MiB/s$'
cli 0 job show 9
grep -q '^Rate' "$DRP_TMP/stdout" && fail "a rate of nothing"
cli 0 job show 7
prints '^Rate +50.0 MiB/s$'
ok "a job that has ended shows its average rate, or none"
