#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# One part of the benchmark, inside the VM: guest.sh RESULTS PART [STACK]...
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/../lib/simdisk.sh"
. "$here/stacks.sh"
. "$here/workloads.sh"
. "$here/replica-cases.sh"
. "$here/direction-cases.sh"
. "$here/clone-cases.sh"
. "$here/snapshot-cases.sh"

results=$1 part=$2
shift 2

stacks_part() {
	local stack
	disks_create
	for stack; do
		stack_up "$stack"
		latency_jobs "$stack"
		cpu_jobs "$stack"
		stack_down "$stack"
		echo "bench: $stack done"
	done
}

# Wall clock on two CPUs: disks five times as slow, repetitions interleaved.
wall_part() {
	local stack rep d
	disks_create
	SETTLE_NOT=1
	for rep in 1 2 3; do
		for stack; do
			stack_up "$stack"
			for d in simA simB simM; do
				simdisk_latency $d model
				simdisk_set $d read_us 1000
				simdisk_set $d write_us 1000
				simdisk_set $d flush_us 2000
				simdisk_set $d fua_us 2000
			done
			job "$stack" "wall-w4k-q1-$rep" randwrite 4 1 1000
			job "$stack" "wall-w4k-q16-$rep" randwrite 4 16 5000
			job "$stack" "wall-fsync-$rep" randwrite 4 1 300 --fsync=1
			disks_latency off
			stack_down "$stack"
		done
	done
}

balance_part() {
	disks_create
	stack_up replica-balance
	disks_latency model
	settle
	job replica-balance r4k-q16 randread 4 16 5000
	disks_latency off
	settle
	job replica-balance cpu-r-q1 randread 4 1 20000
	stack_down replica-balance
}

uname -r >"$results/kernel"
case $part in
stacks) stacks_part "$@" ;;
wall) wall_part "$@" ;;
balance) balance_part ;;
fracture) disks_create; fracture_case ;;
copy) disks_create; copy_case ;;
big) disks_create; big_case ;;
turn) disks_create; turn_case ;;
clone) disks_create; clone_case ;;
snapshots) snapshots_part "$@" ;;
thousand) thousand_part ;;
million) million_part ;;
first) disks_create; first_case ;;
*) die "unknown part $part" ;;
esac
