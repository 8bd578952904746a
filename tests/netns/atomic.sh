#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Transactions. A change set of the size of a whole configuration (50 mark rules, 200 peers, 20 zones, timeouts, second
# marks, ports, limits; some 300 changes in one message) replaces configuration a by b and b by a. Its program is killed
# before each of its system calls, one run a call: the kernel then has all of the old one or all of the new one.
#
#   changeset --- strace: SIGKILL at the Nth call ---> host [ipvs_tun: a or b]
#
# Likewise when the last change is refused, and, on kernels with fault injection, when any one memory allocation fails.
. "$(dirname "$0")/lib.sh"

changeset=$top/build/bin/changeset
[ -x "$changeset" ] || { skip "change sets are atomic" "build/bin/changeset is not built (cmake --build build/cmake)" && finish; }
require vxlan udp_tunnel
setup_ns host
load_module

on_host() { in_ns "$host" timeout 20 "$changeset" "$@"; }

# Which configuration the kernel has: a, b, or neither, which is then shown.
state() {
	on_host show > "$work/now"
	if cmp -s "$work/now" "$work/a"; then
		echo a
	elif cmp -s "$work/now" "$work/b"; then
		echo b
	else
		echo "between a and b: $(diff "$work/a" "$work/now" | grep -c '^[<>]') lines differ from a," \
			"$(diff "$work/b" "$work/now" | grep -c '^[<>]') from b"
		diff "$work/b" "$work/now" | head -n 10
	fi
}

other() { if [ "$1" = a ]; then echo b; else echo a; fi; }

for name in a b; do on_host print "$name" > "$work/$name"; done
check "the two configurations have 50 rules, 200 peers, 20 zones" equal \
	"$(grep -c ^mark "$work/a") $(grep -c ^peer "$work/b") $(grep -c ^zone "$work/b")" "50 200 20"
for name in a b a; do
	check "configuration $name is applied" on_host "$name"
	check "and read back, it is $name, whole" equal "$(state)" "$name"
done

# What the program calls, as NAME and how manieth of that name: strace counts each name apart.
in_ns "$host" timeout 60 strace -o "$work/trace" "$changeset" b
awk 'match($0, /^[a-z_0-9]+\(/) { name = substr($0, 1, RLENGTH - 1); print name, ++seen[name] }' "$work/trace" \
	> "$work/calls"
calls=$(grep -c . "$work/calls")
note "$calls system calls"
check "strace sees the program's calls, the one that sends among them" grep -q '^sendto ' "$work/calls"

# exit_group ends it anyway, and nothing was counted behind it.
now=$(state) stayed=0 went=0 survived=0 torn=0
check "it has the new configuration" equal "$now" b
while read -r name count; do
	rc=0
	in_ns "$host" timeout 60 strace -qq -o /dev/null -e "trace=$name" -e "inject=$name:signal=SIGKILL:when=$count" \
		"$changeset" "$(other "$now")" > /dev/null 2>&1 || rc=$?
	[ "$rc" -eq 137 ] || survived=$((survived + 1))
	found=$(state)
	if [ "$found" = "$now" ]; then
		stayed=$((stayed + 1))
	elif [ "$found" = "$(other "$now")" ]; then
		went=$((went + 1))
		now=$found
	else
		torn=$((torn + 1))
		note "killed at $name $count: $found"
		on_host a
		now=a
	fi
done < "$work/calls"
note "killed before the change took effect: $stayed, after: $went"
check "killed at each of its $calls calls, it left the old or the new configuration" equal "$torn" 0
check "each run was killed" equal "$survived" 0
check "some were killed before the change" at_least "$stayed" 20
check "some after it" at_least "$went" 1

# The last of the changes is refused.
on_host a
rc=0
on_host refused 2> "$work/refusal" || rc=$?
check "a change set with one wrong change is refused" equal "$rc" 2
# Two kinds of flush and their objects come before it, then six timeouts, the tunnel and the limits.
check "the refusal names the change, counted from 0, and says why" equal "$(cat "$work/refusal")" \
	"change $((3 + 50 + 200 + 20 + 6 + 1 + 1)): mark rule 0x1000/0xffff exists"
check "and nothing of it is there" equal "$(state)" a

# Every single allocation fails once.
if [ -e /proc/thread-self/fail-nth ] && [ -d /sys/kernel/debug/failslab ]; then
	# Its report of each would be taken for trouble.
	echo 0 > /sys/kernel/debug/failslab/verbose
	[ ! -d /sys/kernel/debug/fail_page_alloc ] || echo 0 > /sys/kernel/debug/fail_page_alloc/verbose
	n=1 torn=0 refused=0
	while rc=0 && result=$(on_host fail "$n") || rc=$?; [ "$rc" -eq 0 ]; do
		found=$(state)
		case $result,$found in
		refused,a) refused=$((refused + 1)) ;;
		committed,b) on_host a ;;
		*)
			torn=$((torn + 1))
			note "allocation $n failed, the change set was ${result:-lost}, the configuration is $found"
			on_host a
			;;
		esac
		# The first ones one by one; of the many alike, samples.
		n=$((n < 40 ? n + 1 : n + 7))
	done
	note "$n allocations, $refused refusals"
	check "it ends when there are no more allocations" equal "$rc" 4
	check "whichever allocation fails, it is all or nothing" equal "$torn" 0
	check "failing allocations were refusals" at_least "$refused" 20
else
	skip "whichever allocation fails, it is all or nothing" "this kernel has no fault injection"
fi
unload_module
finish
