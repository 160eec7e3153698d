#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: ids are never used again, names are unique, aspects stay until deleted
# REQUIRES: replica simdisk dmsetup
# TIMEOUT: 120
# shellcheck source=selftests/lib/drp.sh
. "$(dirname "$0")/../lib/drp.sh"
# shellcheck source=selftests/lib/replica.sh
. "$DRP_TOP/selftests/lib/replica.sh"

replica_setup
need replctl
pool_create p
element p a 16
element p b 16
mirror p a b
wait_state p-a ab synchronized
old=${sync_id[ab]} a=${element_id[p/a]} b=${element_id[p/b]}

refused_message "Invalid argument" p create_element "$a" other size=8
refused_message "Invalid argument" p create_element 9000 a size=8
refused_message "Invalid argument" p create_sync "$old" mirror "$b" "$a"
ok "ids and names that exist are refused"

modify p detach ab
refused_message "No such file" p modify split "$old"
refused_message "Invalid argument" p create_sync "$old" mirror "$a" "$b"
pool_restart p
refused_message "Invalid argument" p create_sync "$old" mirror "$a" "$b"
accepted p create_sync 0 mirror "$a" "$b" name=ab
sync_id[ab]=$(replctl show p/ab | sed -n 's/^SynchronizationID  *//p')
[ "${sync_id[ab]}" -gt "$old" ] || fail "id ${sync_id[ab]} after $old"
ok "an id that is gone is never used again, also after a restart; its name is free"
wait_state p-a ab synchronized

modify p dissolve ab
aspect_is_listed() { replctl aspect list | grep -qE "^p/ab +[0-9]+ +Mirror +a +b "; }
aspect_is_listed || fail "no aspect: $(replctl aspect list)"
aspect=$(aspect_of p ab)
ok "dissolve leaves an aspect"
pool_restart p
aspect_is_listed || fail "no aspect after a restart: $(replctl aspect list)"
ok "that survives a restart"
accepted p delete_aspect "$aspect"
! aspect_is_listed || fail "the aspect is still there"
refused_message "No such file" p delete_aspect "$aspect"
pool_restart p
! aspect_is_listed || fail "the aspect came back"
ok "and can be deleted"

replica_next_id=20000
mirror p a b
wait_state p-a ab synchronized
refused_message "busy" p delete_element "$b"
modify p detach ab
refused_message "busy" p delete_element "$b"
element_remove_device p b
accepted p delete_element "$b"
run_fails any dmsetup create p-b --table "$(element_table p b)"
refused_message "Invalid argument" p create_element "$b" b size=32768
next_id
element_id[p/b]=$id
accepted p create_element "$id" b size=32768
element_attach p b
ok "an element goes when nobody needs it; a table with its old id is refused"
