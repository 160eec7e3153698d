#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: random and mutated messages under I/O: refused or done, and the pool and its metadata stay whole
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 400
# GROUP: parallel
# VM: --cpus 2
# ROUNDS=N messages (10000), SEED=N.
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"
# shellcheck source=selftests/lib/bad-input.sh
. "$DRP_TOP/selftests/lib/bad-input.sh"
# shellcheck source=selftests/lib/snapshot.sh
. "$DRP_TOP/selftests/lib/snapshot.sh"

program=$DRP_TOP/build/selftests/msg_fuzz
[ -x "$program" ] || skip "$program is not built: make -C selftests/dm-replica"
need replctl
replica_setup
CHUNK_SECTORS=32
cow_pool_create p 32
for e in a b c; do
	element p $e 8
done
mirror p a b
wait_state p-a ab synchronized
# msg_fuzz knows these ids, and the aspect's.
snapshot p a x
snapshot_only p c y
snapshot p c z
modify p dissolve z
assert_match "$(replctl aspect list)" " 92 " "the aspect's id"
bad_load /dev/mapper/p-a /dev/mapper/p-b /dev/mapper/p-x
seed=${SEED:-$RANDOM} start=$SECONDS

"$program" p "${ROUNDS:-10000}" "$seed" >"$DRP_TMP/tap"
status=$?
sed 's/^/# /' "$DRP_TMP/tap"
assert_eq $status 0 "msg_fuzz"
echo "# did: $(sed -n 's/^ok 1 - \(.* accepted\).*/\1/p' "$DRP_TMP/tap"), seed $seed, $((SECONDS - start)) s"
ok "every message was done or refused as the interface says"

# DEVICE: open or not, the table must go.
gone() { ! dmsetup info "$1" >/dev/null 2>&1 || dmsetup remove "$1"; }
mapfile -t jobs < <(jobs -p)
kill "${jobs[@]}"
wait
for e in x z a b c; do
	wait_until 60 gone p-$e || fail "p-$e cannot be removed"
done
wait_until 60 gone p || fail "the pool cannot be removed"
run_ok replctl pool check /dev/mp
ok "the pool went down, and its metadata are whole"
pool_activate p
assert_eq "$(pool_mode p)" rw "mode"
ok "and it comes back"
