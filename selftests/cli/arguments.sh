#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# DESCRIPTION: a wrong command line ends with 64 and names the offender
# shellcheck source=selftests/cli/common.bash
. "$(dirname "$0")/common.bash"

# OFFENDER ARGUMENT...
wrong() {
	local offender=$1
	shift
	cli 64 "$@"
	says "^replctl: (.*[ :])?$offender"
	[ ! -s "$DRP_TMP/stdout" ] || fail "'replctl $*' printed something on stdout"
}

cli 64
grep -q '^Usage: replctl' "$DRP_TMP/stderr" || fail "no usage without arguments"
cli 64 pool
ok "without a command the usage is shown"

while read -r offender line; do
	case $offender in '' | '#'*) continue ;; esac
	# shellcheck disable=SC2086
	wrong "$offender" $line
done <<'TABLE'
frob	frob
--frob	--frob
frob	pool frob
frob	help frob
--frob	list --frob
--force	list --force
-x	list -x
one	show two one
show	show
pool.create	pool create
--metadata	pool create tank
--metadata	pool create tank --metadata
-tank	pool create --metadata /dev/null -- -tank
ta:nk	pool create ta:nk --metadata /dev/null
3K	pool create tank --metadata /dev/null --chunk-size 3K
64X	pool create tank --metadata /dev/null --chunk-size 64X
2K	pool create tank --metadata /dev/null --region-size 2K
128M	pool create tank --metadata /dev/null --extent-size 128M
--region-size	pool create tank --metadata /dev/null --extent-size 64K --region-size 128K
--chunk-size	pool create tank --metadata /dev/null --extent-size 64K --chunk-size 128K
pool.activate	pool activate
pool.activate	pool activate --all /dev/null
tank/home	pool show tank/home
a/b/c	show a/b/c
element.add	element add tank/x
fracture	fracture
--type	create
--source	create --type mirror
--target	create --type mirror --source tank/home
frob	create --type frob --source tank/home --target tank/copy
frob	create --type mirror --mode frob --source tank/home --target tank/copy
a:b	create --type mirror --source tank/home --target tank/copy --name a:b
--timeout	create --type mirror --source tank/home --target copy --timeout 5
soon	fracture home-copy --wait-for-copy-state split --timeout soon
-1	fracture home-copy --wait-for-copy-state split --timeout -1
frob	fracture home-copy --wait-for-copy-state frob
--wait-for-copy-state	fracture home-copy --wait-for-copy-state
--timeout	fracture home-copy --timeout 5 --timeout 6
--force=yes	fracture home-copy --force=yes
frob=1	fracture home-copy --setting frob=1
rate_limit=-1	fracture home-copy --setting rate_limit=-1
--operation	modify --synchronization home-copy
--synchronization	modify --operation 12
frob	modify --operation frob --synchronization home-copy
25	modify --operation 25 --synchronization home-copy
frob	set frob home-copy rate_limit=1
frob	set sync home-copy frob
set	set sync home-copy
database	group create database
one/two/three	split one/two/three
home	element show home
TABLE
ok "each wrong command line names what is wrong with it"

long=$(printf 'x%.0s' {1..64})
cli 64 show "$long"
cli 64 show "$long/x"
cli 64 fracture home-copy --setting "name=$(printf 'x%.0s' {1..200})"
mapfile -t many < <(yes -- --setting=rate_limit=1 | head -n 70)
cli 64 fracture home-copy "${many[@]}"
ok "overlong names and settings are refused"

cli 64 element show home
says 'tank/home, attic/home'
ok "an ambiguous name is answered with the candidates"
