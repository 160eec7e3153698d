#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: whatever a power failure leaves, at any event of recorded scenarios and of the recovery after it, is what the crash contract allows
# TIMEOUT: 900
# Options by environment: SEED=N (else random), CUTS=N of the scenarios, SAMPLE=N
# images to activate. What was recorded stays in build/cut for cut --seed --cut.
. "$(dirname "$0")/../../lib/drp.sh"

need gcc make
seed=${SEED:-$RANDOM} cuts=${CUTS:-14000} sample=${SAMPLE:-12}
out=$DRP_TOP/build/cut
cut=$out/cut
run_ok make -s -C "$DRP_TOP/selftests/cut"
rm -rf "$out/logs" "$out/recovery" "$out/images"
mkdir -p "$out/logs" "$out/recovery"

# DIR COMMAND...: in a VM that may write there.
vm() {
	local dir=$1
	shift
	"$DRP_TOP/selftests/vm/run" --timeout 500 --writable "$dir" -- "$@" >"$DRP_TMP/vm" 2>&1
	local status=$?
	sed 's/^/# /' "$DRP_TMP/vm"
	[ $status -eq 0 ] || fail "'$*' ended with $status"
}

# OPTION...: cut all recordings of a directory; in $done how many cuts.
cut_all() {
	"$cut" --seed "$seed" "$@" >"$DRP_TMP/cut"
	local status=$?
	sed 's/^/# /' "$DRP_TMP/cut"
	[ $status -eq 0 ] || fail "the contract is broken: $(grep -m 1 '^FAILED' "$DRP_TMP/cut"); $(grep -m 1 '^# again' "$DRP_TMP/cut")"
	echo "# did: $(tail -n 1 "$DRP_TMP/cut")"
	done=$(tail -n 1 "$DRP_TMP/cut" | cut -d ' ' -f 1)
}

vm "$out/logs" "$out/record" "$out/logs"
cut_all --cuts "$cuts" --sample "$sample" --save "$out/images" "$out"/logs/*.log
[ "$done" -ge $((cuts * 9 / 10)) ] || fail "only $done cuts"
[ -e "$out/images/$sample" ] || fail "fewer than $sample images were saved"
ok "cuts of every operation, of the journal and of checkpoints"

# Are these cuts able to fail? Recordings read as if flushes had been left out.
for fault in no-leg-flush no-metadata-flush commit-not-waited; do
	"$cut" --seed "$seed" --cuts 4000 --fault $fault "$out/logs/apart.log" >"$DRP_TMP/cut"
	assert_eq $? 1 "status with $fault"
	grep -m 1 '^FAILED' "$DRP_TMP/cut" | sed "s/^/# $fault: /"
done
ok "missing flushes are found"

vm "$out/recovery" bash -c '"$1" --activate "$2" "$3" && "$1" --mutate "$2" "$4" "$5"' - \
	"$out/record" "$out/images" "$out/recovery" "${MUTATIONS:-100}" "$seed"
sed -n '/activated/s/^/# did: /p' "$DRP_TMP/vm"
ok "a sample of cuts, and of metadata that was changed, was activated by the module"
cut_all --cuts $((cuts / 4)) "$out"/recovery/*.log
ok "cuts of recovery"
