#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: methods print ReturnValue, end with its exit status, and send what was asked
# shellcheck source=selftests/cli/common.bash
. "$(dirname "$0")/common.bash"
export FAKE_LOG=$DRP_TMP/log

# LINE...: the requests since the last time, "command: attribute=value"
sent() {
	printf '%s\n' "$@" >"$DRP_TMP/want"
	sort "$DRP_TMP/want" >"$DRP_TMP/want.sorted"
	sort "$FAKE_LOG" >"$DRP_TMP/sent.sorted"
	cmp -s "$DRP_TMP/want.sorted" "$DRP_TMP/sent.sorted" ||
		fail "sent $(tr '\n' ' ' <"$FAKE_LOG"), expected $*"
	rm -f "$FAKE_LOG"
}

# Numbers of the protocol, from its header.
eval "$(sed -n '/^enum drp_command/,/^};/p;/^enum drp_attr/,/^};/p' \
	"$DRP_TOP/include/uapi/linux/dm-replica.h" |
	awk '/^enum/ { n = 0 } /^\t(DRP_CMD|DRP_A)_[A-Z_]+,/ { sub(/,.*/, ""); print $1 "=" n++ }')"
m=$DRP_CMD_MODIFY_SYNC

cli 0 fracture tank/home-copy
prints '^ReturnValue=0 \(.*\)$'
sent "$m: $DRP_A_POOL_NAME=tank" "$m: $DRP_A_SYNC_ID=11" "$m: $DRP_A_OPERATION=12"
ok "a method that completes prints 0"

cli 0 resync-replica apart --force --setting rate_limit=5M --setting copy_priority=low
prints '^ReturnValue=4096 \(Method Parameters Checked - Job Started\) Job=8$'
sent "$m: $DRP_A_POOL_NAME=tank" "$m: $DRP_A_SYNC_ID=13" "$m: $DRP_A_OPERATION=14" \
	"$m: $DRP_A_FORCE" "$m: $DRP_A_SETTING=rate_limit=5M" "$m: $DRP_A_SETTING=copy_priority=low"
ok "a method that starts a job prints 4096 and the job, and carries its parameters"

cli 0 modify --operation Fracture --synchronization home-copy --dry-run
prints '^ReturnValue=.*DryRun=yes'
sent "$m: $DRP_A_POOL_NAME=tank" "$m: $DRP_A_SYNC_ID=11" "$m: $DRP_A_OPERATION=12" \
	"$m: $DRP_A_DRY_RUN"
cli 0 modify --operation 12 --synchronization home-copy
rm -f "$FAKE_LOG"
ok "modify takes numbers and names"

cli 0 resync-replica apart --dry-run
prints '^  home would overwrite copy: 1 MiB at most$'
assert_eq "$(grep -c overwrite "$DRP_TMP/stdout")" 1 "once, not twice"
cli 0 fracture apart --dry-run
prints '^  nothing would change$'
rm -f "$FAKE_LOG"
ok "a dry run says once what would be overwritten by whom"

cli 17 fracture torn
says 'tank/torn: Force Required \(32769\): .*--force'
cli 16 split torn
says 'Invalid State \(32768\).*: wait for Synchronized$'
cli 16 suspend apart
says "needs a mirror that is .*; 'replctl capabilities SYNC'"
cli 19 fracture nosuch
says 'nosuch: Not Found'
FAKE_DENY=1 cli 20 fracture home-copy
says 'Access Denied \(32772\)'
FAKE_NO_MODULE=1 cli 69 list
says 'modprobe dm-replica'
FAKE_NO_MODULE=1 cli 69 fracture home-copy
rm -f "$FAKE_LOG"
ok "each return value has its exit status and says what to do"

cli 16 split home-copy torn apart
prints '^ReturnValue=0 .* Object=tank/home-copy$'
assert_eq "$(grep -c '^replctl:' "$DRP_TMP/stderr")" 2 "both failures are told"
rm -f "$FAKE_LOG"
ok "several synchronizations: all are tried, the first failure is the status"

cli 0 create --type mirror --source tank/home --target copy
prints '^ReturnValue=4096 .* Object=tank/home-copy$'
c=$DRP_CMD_CREATE_SYNC
sent "$c: $DRP_A_POOL_NAME=tank" "$c: $DRP_A_SYNC_NAME=home-copy" "$c: $DRP_A_SYNC_TYPE=6" \
	"$c: $DRP_A_MODE=2" "$c: $DRP_A_SOURCE_ID=1" "$c: $DRP_A_TARGET_ID=2"
cli 5 create --type mirror --source tank/home --target attic/spare
says 'different pools'
cli 0 create --type snapshot --source tank/home --target log --name m1
sent "$c: $DRP_A_POOL_NAME=tank" "$c: $DRP_A_SYNC_NAME=m1" "$c: $DRP_A_SYNC_TYPE=7" \
	"$c: $DRP_A_MODE=2" "$c: $DRP_A_SOURCE_ID=1" "$c: $DRP_A_TARGET_NAME=log"
ok "create names the synchronization, and a snapshot's target that is yet to come"

c=$DRP_CMD_RESTORE_ASPECT
cli 0 aspect restore monday --force
prints '^ReturnValue=4096 .* Job=8 Object=tank/monday$'
prints '^  home gets what tank/home-copy shows$'
sent "$c: $DRP_A_POOL_NAME=tank" "$c: $DRP_A_ASPECT_ID=21" "$c: $DRP_A_FORCE"
cli 0 aspect restore monday --target tank/again --setting rate_limit=1M --dry-run
prints 'DryRun=yes'
sent "$c: $DRP_A_POOL_NAME=tank" "$c: $DRP_A_ASPECT_ID=21" "$c: $DRP_A_TARGET_NAME=again" \
	"$c: $DRP_A_DRY_RUN" "$c: $DRP_A_SETTING=rate_limit=1M"
cli 0 aspect restore monday --name again --force
sent "$c: $DRP_A_POOL_NAME=tank" "$c: $DRP_A_ASPECT_ID=21" "$c: $DRP_A_SYNC_NAME=again" \
	"$c: $DRP_A_FORCE"
cli 5 aspect restore monday --target attic/again
says 'the aspect is in the pool tank'
cli 64 aspect restore monday --timeout 3
cli 64 aspect copy-to-target monday
says '--target: missing'
cli 0 aspect restore monday --force --json
grep -q '"SynchronizationID": 11' "$DRP_TMP/stdout" || fail "the JSON lacks the snapshot"
rm -f "$FAKE_LOG"
ok "an aspect is restored by a snapshot, whose names are given or chosen"

cli 0 split group:database
sent "$m: $DRP_A_POOL_NAME=tank" "$m: $DRP_A_GROUP_ID=31" "$m: $DRP_A_OPERATION=21"
cli 0 add-sync-pair group:tank/database --sync-pair torn --sync-pair apart
sent "$m: $DRP_A_POOL_NAME=tank" "$m: $DRP_A_GROUP_ID=31" "$m: $DRP_A_OPERATION=5" \
	"$m: $DRP_A_SYNC_PAIR=12" "$m: $DRP_A_SYNC_PAIR=13"
ok "operations on groups"

cli 0 set sync torn rate_limit=50M
sent "$DRP_CMD_SET: $DRP_A_POOL_NAME=tank" "$DRP_CMD_SET: $DRP_A_SYNC_ID=12" \
	"$DRP_CMD_SET: $DRP_A_SETTING=rate_limit=50M"
cli 0 set pool tank name=tank
sent "$DRP_CMD_SET: $DRP_A_POOL_NAME=tank" "$DRP_CMD_SET: $DRP_A_SETTING=name=tank"
cli 0 job suspend 7
sent "$DRP_CMD_CHANGE_JOB: $DRP_A_POOL_NAME=tank" "$DRP_CMD_CHANGE_JOB: $DRP_A_JOB_ID=7" \
	"$DRP_CMD_CHANGE_JOB: $DRP_A_REQUESTED_JOB_STATE=3"
ok "settings and jobs"

cli 3 job wait 7 --timeout 1
says 'Timeout \(3\).*job 7 goes on'
cli 4 job wait 9
says 'the target returns errors'
cli 0 job wait 8
prints 'JobState +Completed'
cli 4 resync-replica apart --force --wait-for-copy-state synchronized
says 'the copy state is Fractured, Synchronized was waited for'
cli 0 fracture apart --wait-for-copy-state fractured
rm -f "$FAKE_LOG"
ok "waiting ends with the job's result, the state, or Timeout"

cli 6 pool deactivate tank
says 'open: home'
[ ! -e "$FAKE_LOG" ] || fail "devices were removed although one is open"
cli 0 pool deactivate attic
sent "dm remove fake-13" "dm remove fake-14" "dm remove fake-1"
cli 6 pool deactivate --all
says 'tank: In Use .* open: home'
prints 'Object=attic$'
sent "dm remove fake-13" "dm remove fake-14" "dm remove fake-1"
FAKE_NO_MODULE=1 cli 0 pool deactivate --all
cli 64 pool deactivate
cli 64 pool deactivate --all attic
cli 6 element remove tank/copy
says 'tank/home-copy'
[ ! -e "$FAKE_LOG" ] || fail "the device went although a synchronization has it"
cli 0 element remove log
sent "dm remove fake-12" "$DRP_CMD_DELETE_ELEMENT: $DRP_A_POOL_NAME=tank" \
	"$DRP_CMD_DELETE_ELEMENT: $DRP_A_ELEMENT_ID=3"
cli 17 pool destroy attic
says '2 elements'
ok "devices go in order, and not while they are in use"
