#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: --json is valid everywhere and has what the document promises
# shellcheck source=selftests/cli/common.bash
. "$(dirname "$0")/common.bash"
need python3
document=$DRP_TOP/Documentation/json.rst

# EXPRESSION: true for the JSON j of the last run
holds() {
	python3 -c "
import json, sys
j = json.load(open('$DRP_TMP/stdout'))
sys.exit(0 if ($1) else 1)" || fail "not so in the JSON: $1"
}

for c in "pool list" "pool show tank" "element list" "element show tank/home" list \
	"show home-copy" "map torn" "diff tank/home tank/log" "group list" "group show database" "job list" "job show 7" \
	"aspect list" "aspect show monday" status capabilities "capabilities torn" \
	"fracture home-copy" "resync-replica apart --dry-run" "set sync torn rate_limit=1M" \
	"element remove log" "pool deactivate attic" "job wait 8" "pool show attic" "show back" \
	"capabilities over" "reverse-roles over" "failover home-copy --dry-run"; do
	# shellcheck disable=SC2086
	cli 0 $c --json
	[ ! -s "$DRP_TMP/stderr" ] || fail "'$c --json' wrote to stderr: $(head -n 1 "$DRP_TMP/stderr")"
	python3 - "$DRP_TMP/stdout" "$document" <<-'PY' || fail "'$c' has keys that json.rst lacks"
	import json, sys
	words = set(open(sys.argv[2]).read().replace('`', ' ').split())
	def walk(v):
	    if isinstance(v, dict):
	        for k, x in v.items():
	            if k not in words:
	                print('#', k)
	                walk.bad = True
	            walk(x)
	    elif isinstance(v, list):
	        for x in v:
	            walk(x)
	walk.bad = False
	walk(json.load(open(sys.argv[1])))
	sys.exit(walk.bad)
	PY
done
ok "the JSON of every command is valid, and each key is documented"

cli 0 show home-copy --json
holds "j['CopyState'] == {'value': 4, 'name': 'Synchronized'}"
holds "j['WhenEstablished'] == '2023-11-14T22:13:20.123456789Z'"
holds "j['WhenSuspended'] is None and j['DirtyBytes'] == 0 and j['InSync'] is True"
cli 0 --json list
holds "len(j['Synchronizations']) == 6"
holds "all(set(s) == set(j['Synchronizations'][0]) for s in j['Synchronizations'])"
ok "enumerations, times, unknown values and keys are as documented"

cli 0 resync-replica apart --json
holds "j['ReturnValue'] == {'value': 4096, 'name': 'Method Parameters Checked - Job Started'}"
holds "j['Job'] == 8"
cli 17 fracture torn --json
holds "j['ReturnValue']['value'] == 32769 and j['Message']"
says 'Force Required'
cli 16 split home-copy torn --json
holds "[r['ReturnValue']['value'] for r in j['Results']] == [0, 32768]"
ok "methods and refusals"

cli 0 reverse-roles home-copy --json
holds "j['UpdatedSynchronization'] == 11"
cli 0 fracture home-copy --json
holds "j['UpdatedSynchronization'] is None"
cli 0 restore-from-replica apart --dry-run --json
holds "j['DryRun'] is True and j['Message'] == 'copy would overwrite home: 1 MiB at most'"
cli 0 show back --json
holds "j['SourceIsOverwritten'] is True and j['ProgressStatus']['value'] == 8 and j['Advice']"
cli 0 show home-copy --json
holds "j['SourceIsOverwritten'] is False and j['Advice'] is None"
cli 0 show lost --json
holds "j['SourceIsOverwritten'] is None"
cli 0 job list --json
holds "[x['Rate'] for x in j['Jobs']] == [50 << 20, 25 << 20, None]"
ok "directions, advice and rates"

cli 0 diff tank/home tank/log --json
holds "j == {'Extents': [{'OffsetBytes': 0, 'LengthBytes': 4096}, {'OffsetBytes': 1 << 20, 'LengthBytes': 65536}], 'TotalBytes': 69632}"
cp "$DRP_TMP/stdout" "$DRP_TMP/json"
cli 0 diff tank/home tank/log --binary
python3 - "$DRP_TMP/json" "$DRP_TMP/stdout" <<-'PY' || fail "--binary is not what --json says"
	import json, struct, sys
	told = [(e['OffsetBytes'], e['LengthBytes']) for e in json.load(open(sys.argv[1]))['Extents']]
	sys.exit(told != list(struct.iter_unpack('<QQ', open(sys.argv[2], 'rb').read())))
	PY
cli 64 diff tank/home tank/log --binary --json
says 'choose one'
if command -v script >/dev/null; then
	script -qec "$CLI diff tank/home tank/log --binary" /dev/null </dev/null >"$DRP_TMP/terminal"
	grep -q 'not for a terminal' "$DRP_TMP/terminal" || fail "bytes were written to a terminal"
fi
"$CLI" diff tank/home tank/log --binary >/dev/full 2>"$DRP_TMP/stderr"
assert_eq $? 74 "exit status when the bytes cannot be written"
says 'do not use'
FAKE_STALE=1 cli 4 diff tank/home tank/log --binary
says 'changed meanwhile: ask again$'
[ ! -s "$DRP_TMP/stdout" ] || fail "part of an answer was written"
ok "diff: bytes are what the JSON says, all of them or an error"

cli 0 list
grep -q $'\033' "$DRP_TMP/stdout" && fail "colour although stdout is no terminal"
if command -v script >/dev/null; then
	script -qec "$CLI list" /dev/null </dev/null >"$DRP_TMP/colour"
	grep -q $'\033\[31m' "$DRP_TMP/colour" || fail "no colour on a terminal"
	NO_COLOR=1 script -qec "$CLI list" /dev/null </dev/null >"$DRP_TMP/colour"
	grep -q $'\033\[31m' "$DRP_TMP/colour" && fail "colour in spite of NO_COLOR"
fi
ok "colour is for terminals only, and not with NO_COLOR"
