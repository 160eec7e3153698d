#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: metadata devices are recognised, checked, dumped and repaired; foreign content is named
# shellcheck source=selftests/cli/common.bash
. "$(dirname "$0")/common.bash"
need losetup mkfs.ext4 dd

[ "$(id -u)" -eq 0 ] || skip "needs root for loop devices"
truncate -s 16M "$DRP_TMP/disk"
dev=$(losetup -f --show "$DRP_TMP/disk" 2>/dev/null) || skip "there are no loop devices"
at_exit "losetup -d $dev"
export FAKE_LOG=$DRP_TMP/log
maker=$DRP_TOP/selftests/cli/obj/make_pool

# Fill the device with zeroes.
blank() { dd if=/dev/zero of="$dev" bs=1M count=16 conv=fsync status=none; }

cli 0 pool create tank2 --metadata "$dev" --chunk-size 128K
grep -qE "^dm create tank2 REPLICA-POOL-tank2 0 8 replica-pool [0-9]+:[0-9]+ - 256 [34] name=tank2 region=8 extent=8192( owner=[0-9a-f-]{36})?$" \
	"$FAKE_LOG" || fail "an unexpected table: $(cat "$FAKE_LOG")"
rm "$FAKE_LOG"
cli 0 pool create tank2 --metadata "$dev" --force
grep -q ' format' "$FAKE_LOG" || fail "--force does not format"
ok "create makes the table of the pool"

mkfs.ext4 -q -F -L precious "$dev"
cli 17 pool create tank2 --metadata "$dev"
says "ext4 labelled 'precious'.*--force"
cli 19 pool check "$dev"
blank
printf 'x' | dd of="$dev" bs=1 seek=70000 conv=notrunc,fsync status=none
cli 17 pool create tank2 --metadata "$dev"
says 'unknown content'
ok "foreign content is refused and named"

exec {hold}<"$dev"
mkdir "$DRP_TMP/mnt"
mkfs.ext4 -q -F "$dev"
if mount "$dev" "$DRP_TMP/mnt" 2>/dev/null; then
	cli 6 pool create tank2 --metadata "$dev" --force
	says "mounted on $DRP_TMP/mnt"
	cli 6 element add tank/new "$dev"
	umount "$DRP_TMP/mnt"
fi
exec {hold}<&-
cli 66 pool create tank2 --metadata "$DRP_TMP/disk"
says 'no block device'
cli 66 pool create tank2 --metadata /dev/nosuch
ok "a device in use, a file and a missing device are refused"

blank
"$maker" "$dev" tank2 || fail "no pool was made"
cli 0 pool check "$dev"
prints 'both superblocks are good'
cli 0 pool dump "$dev" --json
prints '"Name": "tank2"'
cli 17 pool create other --metadata "$dev"
says "the pool 'tank2'"
cli 6 element add tank/new "$dev"
says "metadata of the pool 'tank2'"
ok "a pool is recognised"

for block in 0 256; do
	dd if=/dev/urandom of="$dev" bs=512 seek=$((block * 8 + 1)) count=7 conv=notrunc,fsync status=none
	cli 65 pool check "$dev"
	says 'pool repair'
	cli 0 pool repair "$dev"
	cli 0 pool check "$dev"
	cli 0 pool dump "$dev"
done
cli 0 pool repair "$dev"
says 'nothing was written'
ok "a damaged superblock is found, and repaired from the other"

dd if=/dev/urandom of="$dev" bs=4096 seek=769 count=256 conv=notrunc,fsync status=none
cli 65 pool check "$dev"
cli 65 pool dump "$dev"
says 'cannot be loaded'
ok "a damaged catalog is told"

blank
truncate -s 32M "$DRP_TMP/cow"
cow=$(losetup -f --show "$DRP_TMP/cow" 2>/dev/null) || skip "there is one loop device only"
at_exit "losetup -d $cow"
"$maker" "$dev" tank2 --cow "$cow" || fail "no pool was made"
cli 0 pool check "$dev" --cow "$cow"
prints '^CowSlots +512$'
prints '^CowEntries +200$'
prints '^CowGarbage +0$'
prints '^CowNodes +3$'
cli 0 pool dump "$dev" --json
prints '"CowEntries": 200'
prints '"ParentElementID": 1'
prints '"Plane": "slots"'
ok "COW space is checked and dumped"

dd if=/dev/urandom of="$cow" bs=512 seek=2 count=1 conv=notrunc,fsync status=none
cli 0 pool check "$dev"
cli 65 pool check "$dev" --cow "$cow"
prints 'COW device: its label is damaged'
dd if=/dev/zero of="$cow" bs=4096 count=1 conv=notrunc,fsync status=none
cli 65 pool check "$dev" --cow "$cow"
prints 'COW device: it is blank'
cli 65 pool check "$dev" --cow "$dev"
prints 'COW device: it is smaller'
"$maker" "$dev" tank2 || fail "no pool was made"
cli 65 pool check "$dev" --cow "$cow"
prints 'the pool has no COW space'
"$maker" "$dev" tank2 --cow "$cow" || fail "no pool was made"
# The page area of 16 MiB begins at block 257 + 512 + 2 * 128; behind it: two blocks of slots, the nodes.
dd if=/dev/urandom of="$dev" bs=4096 seek=1028 count=1 conv=notrunc,fsync status=none
cli 65 pool check "$dev"
prints 'COW index: block 1028 .level 0. is damaged'
ok "damage of COW space is found and named"

blank
"$maker" "$dev" tank2 || fail "no pool was made"
dd if=/dev/urandom of="$dev" bs=4096 seek=769 count=256 conv=notrunc,fsync status=none
rm -f "$FAKE_LOG"
cli 19 pool activate "$dev"
grep -qE "^dm create tank2 REPLICA-POOL-tank2 0 8 replica-pool [0-9]+:[0-9]+ - 128 [34] name=tank2 region=8 extent=8192" \
	"$FAKE_LOG" || fail "an unexpected table: $(cat "$FAKE_LOG")"
rm "$FAKE_LOG"
cli 19 pool activate "$dev" --take-over
grep -q ' take_over' "$FAKE_LOG" || fail "--take-over is not passed"
rm -f "$FAKE_LOG"
"$maker" "$dev" tank2 alpha || fail "no pool was made"
cli 6 pool activate "$dev"
says "tank2: In Use .*\"alpha\".*'replctl pool activate --take-over $dev'"
[ ! -e "$FAKE_LOG" ] || fail "a pool of another host was tried"
cli 19 pool activate --take-over "$dev"
grep -q ' take_over' "$FAKE_LOG" || fail "--take-over is not passed"
rm -f "$FAKE_LOG"
blank
"$maker" "$dev" tank2 || fail "no pool was made"
ok "a pool of another host is left alone, and what to do is said"

copy=$(losetup -f --show "$DRP_TMP/disk") || skip "there is one loop device only"
at_exit "losetup -d $copy"
cli 4 pool activate "$dev" "$copy"
says 'hold the same pool'
ok "activation takes everything from the superblock, and no pool that is there twice"

blank
rm -f "$FAKE_LOG"
cli 0 element add tank/new "$dev"
grep -qE "^dm create tank-log REPLICA-[0-9a-f]{32}-[0-9a-f]{32} 0 204800 replica 4000:0 3 [0-9]+:[0-9]+ 1 identity=loop:" \
	"$FAKE_LOG" || fail "an unexpected table: $(cat "$FAKE_LOG")"
cli 19 pool check "$dev"
ok "an element's table names pool, id, data device and identity"
