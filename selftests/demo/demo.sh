#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # variables of lib.sh and writer.sh
# The tour: a mirror's life on RAM disks, with every claim checked. It runs in
# the VM of selftests/vm/run ("make demo"); README.md shows its output.
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
top=$(cd "$here/../.." && pwd -P)
# shellcheck source=selftests/lib/simdisk.sh
. "$top/selftests/lib/simdisk.sh"
# shellcheck source=selftests/demo/lib.sh
. "$here/lib.sh"
# shellcheck source=selftests/demo/writer.sh
. "$here/writer.sh"

if ! simdisk_loaded || [ ! -d /sys/module/dm_replica ]; then
	die "the modules dm-replica and simdisk are not loaded; 'make demo' runs this in a VM"
fi
trap cleanup EXIT
trap 'exit 1' INT TERM HUP
home=$demo_tmp/home
backup=$demo_tmp/backup
mkdir -p "$home" "$backup"
cd "$demo_tmp" && ln -s "$top" project || exit 1

state() { json CopyState replctl show tank/home-copy; }
state_is() { [ "$(state)" = "$1" ]; }
dirty() { json DirtyBytes replctl show tank/home-copy; }
job_of() { sed -n 's/.* Job=\([0-9]*\).*/\1/p' <<<"$1"; }

step_pool() {
	headline "1. A pool, two elements"
	say "Four RAM disks with a volatile write cache: 16 MiB for the pool's metadata," \
		"64 MiB for what snapshots keep, twice 96 MiB for data. The data disks stay plain:" \
		"what is on one appears on /dev/mapper/POOL-ELEMENT, sector by sector."
	for disk in "disk0 16" "disk3 64" "disk1 96" "disk2 96"; do
		# shellcheck disable=SC2086
		simdisk_create $disk || die "no RAM disk"
	done
	say "Write intent is kept per extent, 4 MiB by default: too coarse for disks this small."
	must replctl pool create tank --metadata /dev/disk0 --cow /dev/disk3 --extent-size 128K
	say "RAM disks have no serial number, which replctl says on stderr:"
	must replctl element add tank/home /dev/disk1
	must replctl element add tank/copy /dev/disk2
	must replctl element list
}

step_mirror() {
	headline "2. A file system with real files, mirrored while it is used"
	must mkfs.ext4 -q /dev/mapper/tank-home
	must mount /dev/mapper/tank-home home
	must cp -r /usr/include/linux project/Documentation project/kernel home/
	say "The copy runs below the mounted file system; replctl waits for its end."
	must replctl create --type mirror --source tank/home --target tank/copy \
		--wait-for-copy-state synchronized --timeout 120
	must replctl list
	claim "the mirror is Synchronized" state_is Synchronized
	say "The target of a running mirror is protected from its own host:"
	run "dd if=/dev/zero of=/dev/mapper/tank-copy bs=4k count=1 oflag=direct status=none" &&
		die "the target took a write"
	claim "a write to the target was refused" state_is Synchronized
}

step_split() {
	local safe begun
	headline "3. Split under load, and a backup from the target"
	say "An application writes file after file, each with fsync. In the middle of" \
		"that the mirror is split: the target keeps this one moment."
	must sync -f home
	checksums home >sums.split
	writer_start "$home/app"
	await 60 writer_has_done 20 || die "the writer stands still"
	safe=$(writer_last "done")
	must replctl split tank/home-copy --wait-for-copy-state split --timeout 60
	begun=$(writer_last begun)
	await 60 writer_has_done $((begun + 20)) || die "the writer stands still after the split"
	must "replctl pool show tank | grep -i stall"
	must mount -o ro /dev/mapper/tank-copy backup
	must "tar -C backup -cf home.tar . && ls -l home.tar | cut -d ' ' -f 5-"
	(cd backup && sha256sum --quiet -c ../sums.split) >bad 2>&1
	claim "all $(wc -l <sums.split) files have the checksum of the moment of the split" \
		same_text "$(wc -l <bad)" 0
	found=$(writer_check backup/app "$safe" "$begun") || die "$found: the application's files"
	claim "the application's $safe files that were safe before are there, whole; none begun after (it is at $(writer_last "done"))" \
		at_most "$safe" "$found"
	must umount backup
	writer_stop
}

step_resync() {
	local job copied before
	headline "4. Changes on the source, and a resync of only those"
	must "rm -r home/linux/netfilter; cp -r project/include home/; echo changed >>home/linux/fs.h"
	must sync -f home
	must replctl resync-replica tank/home-copy --dry-run
	before=$(dirty)
	simdisk_reset_stats disk2
	must replctl resync-replica tank/home-copy --wait-for-copy-state synchronized --timeout 120
	job=$(job_of "$output")
	must replctl job show "tank/$job"
	copied=$(json BytesDone replctl job show "tank/$job")
	claim "copied $copied bytes of $((96 << 20)); $before differed" \
		at_most "$copied" $((before + before / 20 + 65536))
	claim "the target's disk counted $(($(simdisk_stat disk2 write_sectors) * 512)) bytes written" \
		at_most "$(($(simdisk_stat disk2 write_sectors) * 512))" $((before + before / 20 + 262144))
	quiet_legs
	must replctl split tank/home-copy --wait-for-copy-state split --timeout 60
	must mount -o ro /dev/mapper/tank-copy backup
	checksums home >sums.home
	checksums backup >sums.copy
	claim "source and target have the same $(wc -l <sums.home) files with the same checksums" \
		same_file sums.home sums.copy
	must umount backup
}

# Both disks byte by byte, with the file system frozen for that moment.
quiet_legs() {
	must fsfreeze -f home
	claim "the two disks are equal, byte by byte" same_disks /dev/disk1 /dev/disk2
	must fsfreeze -u home
}

step_power_failure() {
	local percent job
	headline "5. The power fails in the middle of a resync"
	say "More changes, then a resync, slowed down, with the application at work."
	must "dd if=/dev/urandom of=home/big bs=1M count=24 conv=fsync status=none"
	checksums home >sums.before
	writer_start "$home/app2"
	await 60 writer_has_done 10 || die "the writer stands still"
	must replctl set sync tank/home-copy rate_limit=2M
	must replctl resync-replica tank/home-copy
	claim "replctl does not wait unless it is told to" state_is Unsynchronized
	job=$(job_of "$output")
	await 60 job_is_halfway "$job" || die "the resync does not get on"
	must replctl list
	say "Now. All disks at once lose a random part of what was not flushed," \
		"sectors torn, and fail from then on."
	must "echo power-fail 42 >/sys/kernel/simdisk/control"
	percent=$(job_percent "$job")
	safe=$(writer_last "done")
	begun=$(writer_last begun)
	claim "the resync was at $percent percent and is not at its end" at_most "$percent" 90
	await 30 grep -qE 'error (Input/output|Read-only)' "$writer_log" || die "the application did not notice"
	writer_stop
	umount -l home
	for dev in tank-home tank-copy tank; do
		dmsetup remove --retry "$dev" || die "$dev cannot be removed"
	done 2>/dev/null
	simdisk_rearm || die "no power"
	say "The power is back; the devices of the pool are gone, as after a boot."
}

job_percent() { replctl job show "tank/$1" | sed -n 's/^PercentComplete *\([0-9]*\)%/\1/p'; }
job_is_halfway() { [ "$(job_percent "$1")" -ge 40 ]; }

step_recovery() {
	local left
	headline "6. Recovery"
	must replctl pool check /dev/disk0
	must replctl pool activate --all
	say "The copy went on by itself, with what may differ: what was left of the resync," \
		"and the extents that were written when the power failed."
	must replctl list
	left=$(dirty)
	claim "$left of $((96 << 20)) bytes are left to copy, not all" at_most "$left" $((60 << 20))
	must mount /dev/mapper/tank-home home
	(cd home && sha256sum --quiet -c ../sums.before) >bad 2>&1
	claim "all $(wc -l <sums.before) files from before have their checksums" \
		same_text "$(wc -l <bad)" 0
	application_is_whole home/app2
}

# DIR: the application's files there are all that it was told are safe.
application_is_whole() {
	found=$(writer_check "$1" "$safe" "$begun") || die "$found: the application's files"
	claim "all $safe files that the application was told are safe are there, whole" \
		at_most "$safe" "$found"
}

# DIR: the application works there until it has done some more.
application_works() {
	writer_start "$1"
	await 60 writer_has_done 20 || die "the writer stands still"
	writer_stop
	safe=$(writer_last "done")
	begun=$(writer_last begun)
}

step_failover() {
	headline "7. A planned failover, the application moves over"
	must replctl set sync tank/home-copy rate_limit=0
	await 60 state_is Synchronized || die "not synchronized: $(state)"
	application_works "$home/app3"
	say "Who is still at work on the source is not cut off:"
	refused 6 replctl failover tank/home-copy
	must umount home
	must replctl failover tank/home-copy --dry-run
	must replctl failover tank/home-copy --wait-for-copy-state failedover --timeout 60
	must replctl list
	must mount /dev/mapper/tank-copy home
	application_is_whole home/app3
	application_works "$home/app4"
	must umount home
	run "dd if=/dev/zero of=/dev/mapper/tank-home bs=4k count=1 oflag=direct status=none" &&
		die "the source took a write"
	claim "the source is protected now" state_is Failedover
}

step_failback() {
	local changed written
	headline "8. And back, with what changed meanwhile"
	changed=$(dirty)
	must replctl set sync tank/home-copy rate_limit=256K
	must replctl failback tank/home-copy --dry-run
	simdisk_reset_stats disk1
	must replctl failback tank/home-copy
	say "The copy has just begun, but the source shows the target's content already:" \
		"what is not copied yet is read from there."
	must mount /dev/mapper/tank-home home
	must replctl list
	claim "the failback is under way" state_is Unsynchronized
	application_is_whole home/app4
	application_works "$home/app5"
	must replctl set sync tank/home-copy rate_limit=0
	await 60 state_is Synchronized || die "not synchronized: $(state)"
	must replctl list
	written=$(($(simdisk_stat disk1 write_sectors) * 512))
	claim "the source's disk counted $written bytes written, the application's among them; $changed had differed" \
		at_most "$written" $((changed + (4 << 20)))
	quiet_legs
	application_is_whole home/app5
}

step_snapshots() {
	local day
	headline "9. Three snapshots, a bad change, and the restore of one at once"
	quiet_legs
	must replctl detach tank/home-copy
	say "A mounted file system is frozen for the moment of a snapshot."
	for day in monday tuesday wednesday; do
		must "echo 'written on $day' >>home/diary; cp -r project/tools home/$day"
		must replctl create --type snapshot --source tank/home --target $day --name $day
		checksums home >sums.$day
	done
	must replctl pool space tank
	must mount -o ro /dev/mapper/tank-monday backup
	checksums backup >sums.copy
	claim "monday's snapshot mounts and has the $(wc -l <sums.monday) files of that moment" \
		same_file sums.monday sums.copy
	must umount backup
	say "Something goes wrong:"
	must "rm -r home/linux home/monday; echo oops >home/diary"
	must "dd if=/dev/zero of=home/big bs=1M count=8 conv=notrunc,fsync status=none; sync -f home"
	refused 17 replctl restore-from-replica tank/wednesday
	must umount home
	must replctl restore-from-replica tank/wednesday --force --dry-run
	say "Slowly, so that it can be watched."
	must replctl set sync tank/wednesday rate_limit=64K
	must replctl restore-from-replica tank/wednesday --force
	say "What is not copied back yet is read from the snapshot."
	must mount /dev/mapper/tank-home home
	must replctl list
	claim "the restore is under way" state_of_is wednesday Unsynchronized
	checksums home >sums.copy
	claim "all $(wc -l <sums.wednesday) files of wednesday are there" same_file sums.wednesday sums.copy
	application_works "$home/app6"
	must replctl list
	claim "the application wrote its $safe files while it was under way" state_of_is wednesday Unsynchronized
	must replctl set sync tank/wednesday rate_limit=0
	await 60 state_of_is wednesday Restored || die "the restore does not end: $(replctl list)"
	must replctl list
	application_is_whole home/app6
	(cd home && sha256sum --quiet -c ../sums.wednesday) >bad 2>&1
	claim "and those of wednesday are what they were" same_text "$(wc -l <bad)" 0
	must mount -o ro /dev/mapper/tank-tuesday backup
	checksums backup >sums.copy
	claim "tuesday's snapshot is what it was" same_file sums.tuesday sums.copy
	must umount backup
}

cloned() { [ "$(json CopyState replctl show tank/test)" != Unsynchronized ]; }

step_clone() {
	headline "10. A clone that is used before it is copied"
	must sync -f home
	checksums home >sums.home
	must replctl create --type clone --source tank/home --target tank/copy --name test --setting rate_limit=1M
	must mount /dev/mapper/tank-copy backup
	must replctl list
	claim "the copy has just begun" state_of_is test Unsynchronized
	checksums backup >sums.copy
	claim "but the clone has all $(wc -l <sums.home) files" same_file sums.home sums.copy
	must "rm -r backup/linux; cp -r project/kernel backup/new; sync -f backup"
	checksums home >sums.copy
	claim "what is done to it does not reach the source" same_file sums.home sums.copy
	must replctl set sync tank/test rate_limit=0
	await 60 cloned || die "the clone does not end: $(replctl list)"
	must replctl detach tank/test
	must umount backup
}

state_of_is() { [ "$(json CopyState replctl show "tank/$1")" = "$2" ]; }

step_end() {
	headline "11. The end"
	must umount home
	must replctl pool deactivate tank
	must replctl pool check /dev/disk0
}

step_pool
step_mirror
step_split
step_resync
step_power_failure
step_recovery
step_failover
step_failback
step_snapshots
step_clone
step_end
printf '\ndemo: %d claims checked, all true, %d seconds\n' "$demo_claims" \
	$((SECONDS - demo_start))
