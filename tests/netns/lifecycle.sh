#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module comes and goes: nothing of it runs while nothing is configured, it can be unloaded, devices can go and a
# namespace can be removed at any moment of full traffic, and what it took it gives back.
#
#   client --> lbhost [IPVS, mark] ==VXLAN 100==> rshost [record, steer, rewrite] --> tap0 - rs     (nat-topology.sh)
#   curl       sprayer: 500 marked UDP        eth0, vx100, br100: deleted and made anew
#   UDP echo   flows a cycle, straight into    the whole namespace: removed
#   iperf3     the tunnel                      the module: unloaded, loaded, configured
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

slow=${SLOW:-1}
cycles=${CYCLES:-50} warm_up=5 flows=500 steps="reloads devices removals"
# In a round of several machines one has all of it.
case ${TURN:-}-$(nproc) in
-* | 1-1) ;;
*) cycles=10 steps="reloads removals" ;;
esac
log=$work/server.log

# --- hooks -----------------------------------------------------------------------

# Nothing but the kernel's own count says for sure that a function of ours is not called: a probe on each hook.
hook_functions='itun_local_out4 itun_local_in4 itun_bridge_prerouting itun_forward'
tracing=/sys/kernel/tracing

probe_hooks() {
	local function
	mountpoint -q "$tracing" || mount -t tracefs none "$tracing"
	for function in $hook_functions; do echo "p:itun/$function $function" >> "$tracing/kprobe_events"; done
	echo 1 > "$tracing/events/itun/enable"
}

unprobe_hooks() {
	echo 0 > "$tracing/events/itun/enable"
	: > "$tracing/kprobe_events"
}

hook_calls() {
	awk '/itun_/ { calls += $2 } END { print calls + 0 }' "$tracing/kprobe_profile"
}

hooks_of() { # NS : as the status names them
	ctl_json "$1" status | jq -c '.hooks'
}

# --- memory ----------------------------------------------------------------------

# In KiB: a field of /proc/meminfo, or "Other": the pages that none of its fields names, nor the processors' own stock of
# free pages. There a page is that was taken from the page allocator or vmalloc, a module's own among them. What is
# available would be no measure: it comes and goes by megabytes with processes, files and those stocks.
memory() { # FIELD
	local stock=0
	[ "$1" != Other ] || stock=$(awk '$1 == "count:" { n += $2 } END { print n * 4 }' /proc/zoneinfo)
	awk -v field="$1" -v stock="$stock" '{ kib[substr($1, 1, length($1) - 1)] = $2 }
		END {
			named = kib["MemFree"] + stock + kib["Buffers"] + kib["Cached"] + kib["Slab"] + kib["Percpu"]
			named += kib["AnonPages"] + kib["PageTables"] + kib["KernelStack"]
			print field == "Other" ? kib["MemTotal"] - named : kib[field]
		}' /proc/meminfo
}

empty_caches() {
	local shrink
	sync
	echo 3 > /proc/sys/vm/drop_caches
	for shrink in /sys/kernel/slab/kmalloc*/shrink /sys/kernel/slab/:*/shrink; do
		[ ! -w "$shrink" ] || echo 1 > "$shrink" 2> /dev/null || true
	done
}

# The tolerance, in KiB for all cycles. What is lost by them if something is forgotten each time: of the sessions alone
# 64 bytes x 500 x 50 = 1,560; of the filter and the prober of two hosts 3,200; of the counters on two processors 90.
slab_more=$((512 * slow)) percpu_more=48 other_more=$((2048 * slow))
declare -A memory_before=()

memory_is_back() {
	empty_caches
	at_most "$(memory Slab)" $((memory_before[Slab] + slab_more)) &&
		at_most "$(memory Percpu)" $((memory_before[Percpu] + percpu_more)) &&
		at_most "$(memory Other)" $((memory_before[Other] + other_more))
}

say_memory() { # WHEN
	local field text=''
	for field in Slab Percpu Other; do text+=" $field $(memory "$field") KiB"; done
	note "$1:$text"
}

# Our caches, and how many caches share another one's place: of those, sysfs has a link with the name, which stays when
# the cache has gone.
slab_caches() {
	find /sys/kernel/slab -maxdepth 1 -mindepth 1 -type d -printf '%p/aliases\n' | xargs cat |
		awk '{ n += $1 } END { print n }'
	find /sys/kernel/slab -maxdepth 1 -type d -name 'itun_*' | wc -l
}

sum() { # LINES
	awk '{ n += $1 } END { print n }' <<< "$1"
}

# --- cycles ----------------------------------------------------------------------

# A process on the balancer's host that sends marked packets of new UDP flows when asked: real ones, for the record
# stage, but without IPVS, whose own connections would stay in memory.
start_sprayer() {
	mkfifo "$work/spray" "$work/sprayed"
	ip netns exec "$lbhost" /usr/bin/python3 -c '
import socket, struct, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
vxlan = struct.pack("!II", 0xf8 << 24, 100 << 8)
ethernet = bytes.fromhex("02000000000b 02000000000a 0800")
for line in sys.stdin:
    for port in range(int(line)):
        udp = struct.pack("!HHHH", 10000 + port, 9, 8, 0)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, port, 0, 64, 17, 0,
                         socket.inet_aton("200.1.1.2"), socket.inet_aton("10.1.1.2"))
        total = sum(struct.unpack("!10H", ip))
        total = (total & 0xffff) + (total >> 16)
        ip = ip[:10] + struct.pack("!H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + ip[12:]
        out.sendto(vxlan + ethernet + ip + udp, (sys.argv[1], 4789))
    print("sent", flush=True)
' "$(vtep "$rshost" 4)" < "$work/spray" > "$work/sprayed" &
	sprayer=$!
	background+=("$sprayer")
	exec 5> "$work/spray" 6< "$work/sprayed"
}

spray() {
	local line
	echo "$flows" >&5
	read -r -t $((20 * slow)) line <&6 && [ "$line" = sent ]
}

sessions_are() { # NUMBER
	local expression='"count": *'$1'[^0-9]'
	[[ "$(ctl_json "$rshost" session count --proto udp)" =~ $expression ]]
}

# Load, configure, use, unload. Each tenth has a request of a client besides, all the way there and back.
one_cycle() { # NUMBER
	load_module && ctl "$lbhost" mark add "$first_mark" && pair_hosts "$lbhost" "$lbvtep" "$rshost" "$rsvtep" &&
		spray && wait_until $((10 * slow)) sessions_are "$flows" &&
		{ [ $(($1 % 10)) -ne 0 ] || one_request; } && unload_module
}

one_request() {
	nat_ready 4 && equal "$(http_get "$client" "$vip4" $((5 * slow)))" 200.1.1.2
}

run_cycles() { # FROM TO
	local cycle
	for cycle in $(seq "$1" "$2"); do
		one_cycle "$cycle" || { echo "in cycle $cycle" && return 1; }
	done
}

# --- full traffic ----------------------------------------------------------------

# In the background, until the end: each loop goes on whatever happens on the way.
full_traffic() {
	ip netns exec "$rs" iperf3 -s -p 5201 > /dev/null 2>&1 &
	background+=($!)
	ip netns exec "$rs" iperf3 -s -p 5202 > /dev/null 2>&1 &
	background+=($!)
	service "$lbhost" t "$vip4:5201" 10.1.1.2:5201
	service "$lbhost" t "$vip4:5202" 10.1.1.2:5202
	service "$lbhost" u "$vip4:5202" 10.1.1.2:5202
	loop curl -g -s -m 3 "http://$vip4/"
	loop curl -g -s -m 20 -o /dev/null "http://$vip4/bytes/2000000"
	loop curl -g -s -m 3 "http://[$vip6]/"
	loop iperf3 -c "$vip4" -p 5201 -t 5 --connect-timeout 2000
	loop iperf3 -c "$vip4" -p 5202 -u -b 10M -t 5 --connect-timeout 2000
	# Goes on without an answer, as a flood does.
	# shellcheck disable=SC2016 # expanded by the inner shell
	loop bash -c 'exec 3<> "/dev/udp/$0/7"; for i in {1..200}; do echo "$i" >&3; done' "$vip4"
}

loop() { # COMMAND… : on the client
	# shellcheck disable=SC2016 # expanded by the inner shell
	ip netns exec "$client" bash -c 'while :; do timeout 30 "$@" > /dev/null 2>&1; sleep 0.2; done' - "$@" &
	background+=($!)
}

steered_again() { # BEFORE : and a request of ours is answered
	[ "$(http_get "$client" "$vip4" 3)" = 200.1.1.2 ] && stat_grew "$rshost" steered "$1" 20
}

traffic_flows() { # WHAT
	check "$1: requests are answered, replies steered" \
		wait_until $((20 * slow)) steered_again "$(stat_of "$rshost" steered)"
}

# In the middle of it all.
reload() {
	unload_module && load_module && nat_configure 4
}

remake_vxlan() {
	ip -n "$rshost" link del vx100
	overlay "$rshost" 4 100
}

remake_bridge() {
	ip -n "$rshost" link del br100
	rm "$work/$rshost-br100"
	overlay_bridge "$rshost" 100
	ip -n "$rshost" link set tap0 master br100
}

# The device that the peer is bound to: the peer means the new one.
remake_underlay() {
	ip -n "$rshost" link del eth0
	underlay_host "$rshost" 2
}

# One that has gone would be named by its number.
paths_are_on() { # DEVICE OF THE SERVER'S HOST
	equal "$(ctl_json "$rshost" path list | jq -r '.[].dev' | sort -u)" "$1"
}

# --- the scenario ------------------------------------------------------------------

hooks_come_and_go() {
	load_module
	check "loaded and not configured, no hook is there" equal "$(hooks_of "$rshost")" '[]'
	probe_hooks
	http_get "$lbhost" 10.1.1.2 > /dev/null
	check "and no function of ours is called by traffic" equal "$(hook_calls)" 0
	nat_configure 4
	check "configured, hooks are there" not equal "$(hooks_of "$rshost")" '[]'
	http_get "$lbhost" 10.1.1.2 > /dev/null
	check "and are called" at_least "$(hook_calls)" 4
	ctl "$rshost" peer flush
	check "without a peer they are gone again" equal "$(hooks_of "$rshost")" '[]'
	unprobe_hooks
	unload_module
}

many_cycles() {
	local field began caches
	start_sprayer
	check "$warm_up cycles before memory is looked at" run_cycles 1 "$warm_up"
	empty_caches
	for field in Slab Percpu Other; do memory_before[$field]=$(memory "$field"); done
	say_memory "before"
	caches=$(slab_caches)
	began=$SECONDS
	check "$cycles cycles of load, configure, $flows sessions, unload" run_cycles 1 "$cycles"
	note "in $((SECONDS - began)) s"
	check "slab (+$slab_more KiB), percpu (+$percpu_more KiB), other pages (+$other_more KiB) are back" \
		wait_until $((30 * slow)) memory_is_back
	say_memory "after"
	check "no cache of ours is left" equal "$(slab_caches)" "$caches"
	# Its process would keep the host's namespace.
	exec 5>&- 6<&-
	wait "$sprayer"
}

under_full_traffic() {
	local step caches
	caches=$(slab_caches)
	load_module
	nat_configure 4
	check "our caches are there while the module is" at_least "$(sum "$(slab_caches)")" $(($(sum "$caches") + 4))
	check "the server's host becomes ready" nat_ready 4
	full_traffic
	traffic_flows "before all"
	for step in ${STEPS:-$steps}; do "$step"; done
	check "the module can be unloaded" unload_module
	check "no cache of ours is left at the end" equal "$(slab_caches)" "$caches"
}

reloads() {
	local round
	for round in 1 2; do
		check "unloaded, loaded and configured under full traffic ($round)" reload
		traffic_flows "after reload $round"
	done
}

devices() {
	remake_vxlan
	traffic_flows "the tunnel device deleted and made anew"
	remake_bridge
	traffic_flows "the bridge deleted and made anew"
	ctl "$rshost" peer replace "$(vtep "$lbhost" 4)" --send --accept --dev eth0
	traffic_flows "the peer bound to its device"
	remake_underlay
	traffic_flows "the underlay device deleted and made anew"
	check "paths name the new device" wait_until $((10 * slow)) paths_are_on eth0
}

removals() {
	ip netns del "$rshost"
	check "the server's host is removed under full traffic" \
		wait_until $((20 * slow)) not ip -n "$switch" link show p2
	check "the balancer's host lives on" ctl "$lbhost" status
	ip netns del "$lbhost"
	check "the balancer's host is removed, too" wait_until $((20 * slow)) not ip -n "$switch" link show p1
}

# Fifty times fifteen megabytes of debugging information would be most of the time.
strip --strip-debug -o "$work/ipvs_tun.ko" "$module_file"
module_file=$work/ipvs_tun.ko
nat_hosts
lbvtep=$(vtep "$lbhost" 4) rsvtep=$(vtep "$rshost" 4)
start_server "$rs" "$log"
nat_overlay 4
wait_until $((10 * slow)) http_get "$lbhost" 10.1.1.2 1
for part in ${PARTS:-hooks_come_and_go many_cycles under_full_traffic}; do "$part"; done
finish
