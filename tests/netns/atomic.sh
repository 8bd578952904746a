#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Transactions. A change set of the size of a whole configuration (50 mark rules, 200 peers, 20 zones, 20 ports,
# timeouts, second marks, limits; some 300 changes in one message) replaces configuration a by b and b by a. Its program is killed
# where each of its system calls begins, one run a call: the kernel then has all of the old one or all of the new one.
#
#   changeset (SIGKILL at its Nth system call) --- one netlink message ---> host [ipvs_tun: a or b]
#
# Likewise when the last change is refused, and, on kernels with fault injection, when any one memory allocation fails.
. "$(dirname "$0")/lib.sh"

SLOW=${SLOW:-1}
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

for name in a b; do on_host print "$name" > "$work/$name"; done
check "the two configurations have 50 rules, 200 peers, 20 zones, 20 ports" equal \
	"$(grep -c ^mark "$work/a") $(grep -c ^peer "$work/b") $(grep -c ^zone "$work/b") $(grep -c ^port "$work/a")" "50 200 20 20"
for name in a b a; do
	check "configuration $name is applied" on_host "$name"
	check "and read back, it is $name, whole" equal "$(state)" "$name"
done

# The number that a sweep printed; -1 if it printed none.
found() { # FILE NAME
	awk -v name="$2" '$1 == name { value = $2 } END { print value == "" ? -1 : value }' "$1"
}

# On one processor: tracer and traced take turns anyway, and waking another one is slow in an emulated machine.
sweep() { # WHAT
	in_ns "$host" timeout "$((150 * SLOW))" taskset -c 0 "$changeset" "$1" > "$work/$1"
}

check "it is killed at every system call" sweep kill
sed -n 's/^between a/# &/p' "$work/kill"
note "$(paste -s -d ' ' "$work/kill")"
check "it left the old or the new configuration, never anything between" equal "$(found "$work/kill" between)" 0
check "it was killed before the change" at_least "$(found "$work/kill" old)" 20
check "and after it" at_least "$(found "$work/kill" new)" 4
check "at each call it did one or the other" equal \
	"$(($(found "$work/kill" old) + $(found "$work/kill" new)))" "$(found "$work/kill" calls)"

# The last of the changes is refused.
on_host a
rc=0
on_host refused 2> "$work/refusal" || rc=$?
check "a change set with one wrong change is refused" equal "$rc" 2
# Four kinds of flush and their objects come before it, then six timeouts, the tunnel and the limits.
check "the refusal names the change, counted from 0, and says why" equal "$(cat "$work/refusal")" \
	"change $((4 + 50 + 200 + 20 + 20 + 6 + 1 + 1)): mark rule 0x1000/0xffff exists"
check "and nothing of it is there" equal "$(state)" a

# Every single allocation fails once.
if [ -e /proc/thread-self/fail-nth ] && [ -d /sys/kernel/debug/failslab ]; then
	# Its report of each would be taken for trouble. By default it spares who can wait for memory: those are most.
	for kind in failslab fail_page_alloc; do
		[ -d "/sys/kernel/debug/$kind" ] || continue
		echo 0 > "/sys/kernel/debug/$kind/verbose"
		echo N > "/sys/kernel/debug/$kind/ignore-gfp-wait"
	done
	check "each memory allocation fails once" sweep fail
	sed -n 's/^allocation [0-9]/# &/p' "$work/fail"
	note "$(paste -s -d ' ' "$work/fail")"
	check "whichever fails, it is all or nothing" equal "$(found "$work/fail" between)" 0
	check "and most were refusals" at_least "$(found "$work/fail" refused)" 20
else
	skip "whichever memory allocation fails, it is all or nothing" "this kernel has no fault injection"
fi
unload_module
finish
