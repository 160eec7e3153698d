# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What in the kernel log makes a run fail; used on both sides of the VM.

splat_pattern='Kernel panic|Oops[: ]|BUG: |kernel BUG at|WARNING: |general protection fault'
splat_pattern+='|possible (circular|recursive|irq lock|deadlock)|inconsistent lock state'
splat_pattern+='|inconsistent \{|suspicious RCU|INFO: trying to register non-static key'
splat_pattern+='|DEBUG_LOCKS_WARN_ON|held when returning to user space|bad unlock balance'
splat_pattern+='|KASAN: |UBSAN: |KCSAN: |KMSAN: |ODEBUG: |unreferenced object|kmemleak: [0-9]+ new'
splat_pattern+='|(list_add|list_del) corruption|refcount_t: |scheduling while atomic'
splat_pattern+='|sleeping function called from invalid|blocked for more than|hung task'
splat_pattern+='|soft lockup|hard LOCKUP|self-detected stall|detected stalls'
splat_pattern+='|unable to handle|Bad page state|Object already free|Redzone overwritten'

# Print the matching lines of stdin; succeeds if there is one.
splat_lines() { grep -E "$splat_pattern"; }

# The same with what stands around them, not without end.
splat_context() { grep -E -B 3 -A 40 "$splat_pattern" | head -n 200; }

# Make kmemleak (where the kernel has it) report to the log what it knows.
kmemleak_scan() {
	local file=/sys/kernel/debug/kmemleak line
	[ -w $file ] || return 0
	# An object counts as leaked from the second scan on, 5 s old at least.
	echo scan >$file
	sleep 5
	echo scan >$file
	echo on >/proc/sys/kernel/printk_devkmsg
	# A record per line: longer ones are refused.
	head -n 100 $file | while IFS= read -r line; do
		echo "<4>$line" >/dev/kmsg
	done
}
