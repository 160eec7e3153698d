# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154 # results, dev and here are the sourcing script's
# A clone: its background copy alone, and hosts that touch regions which are not
# copied yet, on either side. Sourced in the guest after replica-cases.sh.

# DEVICE STATE: one write at a time to it while all is copied. The host is at work before
# it counts: the copy has only crept until then.
cloned_under_host() {
	local side=$1 end=$2 host
	case=clone-$side
	pool_up "$DISK_SECTORS"
	disks_latency model
	settle
	message create_sync 3 clone 1 2 rate_limit=64K
	fio --name=job --filename="/dev/mapper/$side" --ioengine=libaio --direct=1 --rw=randwrite \
		--bs=4k --iodepth=1 --size="${TEST_MIB}M" --randseed=7 --time_based \
		--runtime=10 --output-format=json >"$results/replica.$case.fio" &
	host=$!
	sleep 3
	COPY_HOST=$side copy_time "$end" set sync:3 rate_limit=0
	kill -0 $host 2>/dev/null || die "$case: the host had ended before the copy"
	wait $host
	disks_latency off
	pool_down
}

clone_case() {
	local case=clone-idle
	# Zeroes are not copied.
	tr '\0' '\377' </dev/zero | dd of=/dev/simA bs=1M count="$DISK_MIB" iflag=fullblock oflag=direct 2>/dev/null
	disks_latency model
	# shellcheck disable=SC2034 # job() reads it
	dev=/dev/simA
	settle
	job raw clone-randwrite randwrite 4 1 8000
	disks_latency off
	pool_up "$DISK_SECTORS"
	disks_latency model
	settle
	copy_time synchronized create_sync 3 clone 1 2
	disks_latency off
	pool_down
	cloned_under_host b skewed
	cloned_under_host a synchronized
}
