#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# NVGRE (RFC 7637): GRE whose key is a network's number of 24 bits, the VSID, and a FlowID of eight, which the two ends of
# a tunnel choose for themselves. Linux has no device of its own for it: a gretap with one key for each direction is one.
#
#   client --> lbhost .1 == key 100 << 8 | 1, marked 0x80 ==> .2 rshost --> rs     (the whole drawing: nat-topology.sh)
#   client <-- lbhost .1 <== key 100 << 8 | 2 ============== .2 rshost <-- rs
#                                      gwhost .3 <== VSID 100, later 200 =+  the way of rs's default route
#
# The row's vni is the VSID. Replies are steered into the device that has it, whatever its FlowID; where they are
# corrected, 24 bits of the key change. Without the setting these keys are four networks of two hosts, and nothing works.
export TUNNEL=gre
. "$(dirname "$0")/lib.sh"
nvgre=yes
. "$(dirname "$0")/nat-topology.sh"

large=${LARGE:-500000}
log=$work/server.log
services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")

key_of() { # VSID HOST : of what it sends
	echo $(($1 << 8 | host_index[$2]))
}

# Packets of flows by their whole key, from one host to another.
with_key() { # FAMILY VSID FROM TO
	echo "$(tunnel_filter "$1") and $(tunnel_byte "$1" 4 4) = $(key_of "$2" "$3") and src host $(vtep "$3" "$1") \
		and dst host $(vtep "$4" "$1") and not $(probe_filter "$1")"
}

setting() { # on|off
	for host in "$lbhost" "$rshost"; do ctl "$host" tunnel set gre --nvgre "$1"; done
}

# Requests and replies, and what they look like on the wire.
one_round() { # FAMILY WHAT COUNTER
	local family=$1 service vip server seen before wire=$work/wire
	before=$(stat_of "$rshost" "$3")
	in_ns "$rshost" nft reset counters > /dev/null
	capture_start "$switch" p2 "$wire" "$(tunnel_filter "$family")"
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		service_works "$vip over IPv$family, $2" "$vip" "$server" "$seen" "$large" "$family"
	done
	capture_stop "$wire"
	check "replies were $3 ($2)" stat_grew "$rshost" "$3" "$before" 30
	check "requests have the mark, the VSID and their sender's FlowID" at_least "$(capture_count "$wire" \
		"$(with_key "$family" 100 "$lbhost" "$rshost") and $(flags_filter "$family" "$second_mark")")" 30
	check "replies have the VSID, and the FlowID of the server's host" at_least "$(capture_count "$wire" \
		"$(with_key "$family" 100 "$rshost" "$lbhost")")" 30
	check "and none to the balancer's host another key" equal "$(capture_count "$wire" \
		"src host $(vtep "$rshost" "$family") and dst host $(vtep "$lbhost" "$family") and not $(probe_filter "$family") \
		and not ($(with_key "$family" 100 "$rshost" "$lbhost"))")" 0
	check "nothing is marked behind the record stage" equal "$(behind "$rshost" marked)" 0
	check "and the packets are there" at_least "$(behind "$rshost" clean)" 30
}

# The way to the server's own gateway is another network's: what leaves by it gets the path's VSID.
other_network() { # FAMILY
	local lines=()
	ip -n "$rshost" link del tn100-3
	bridge_only_lines "$rshost" 200
	pair_lines 200 tn200-3 "$(vtep "$rshost" "$1")" "$(vtep "$gwhost" "$1")"
	batch "$rshost" "${lines[@]}" "link set tn200-3 master br100"
	lines=()
	ip -n "$gwhost" link del tn100-2
	bridge_only_lines "$gwhost" 200
	pair_lines 200 tn200-2 "$(vtep "$gwhost" "$1")" "$(vtep "$rshost" "$1")"
	batch "$gwhost" "${lines[@]}" "link set tn200-2 master br100"
	# It knows the gateway behind that tunnel: what it floods goes by the balancer's network as well, rightly.
	wait_until 10 http_get "$gwhost" 10.1.1.2 1
	nobody_is_answered "while the way out is another tenant's network (IPv$1)"
	ctl "$rshost" zone add one --vni 100,200
	one_round "$1" "from network 200" rewritten
	check "not one reply left as it was" equal "$(capture_count "$work/wire" \
		"$(with_key "$1" 200 "$rshost" "$gwhost") and $(inner_type_filter "$1" 0x0800) and $(frame_byte "$1" 23) = 17")" 0
	ctl "$rshost" zone del one
}

live_paths() { ctl_json "$1" path list | jq '[.[] | select(.dead | not)] | length'; }

# Entered by hand, its network is a VSID too.
session_by_hand() { # FAMILY
	local flow=(--src 200.1.1.2 --sport 4500 --dst 10.1.1.2 --dport 80 --proto tcp --vni 100)
	ctl "$rshost" session flush > /dev/null
	ctl "$rshost" peer flush
	ctl "$rshost" session add "${flow[@]}" --mac "$(mac_of "$lbhost" br100)" --vtep "$(vtep "$lbhost" "$1")" --tunnel gre
	check "a session entered by hand works without a peer (IPv$1)" in_ns "$client" \
		curl -s -S -f -m 10 --local-port 4500 "http://$vip4/"
	ctl "$rshost" session del "${flow[@]}"
	nat_configure "$1"
	check "ready again (IPv$1)" nat_ready "$1"
}

nat_hosts
start_server "$rs" "$log"
watch_behind_record "$rshost"
for family in ${FAMILIES:-4 6}; do
	nat_overlay "$family"
	wait_until 10 http_get "$lbhost" 10.1.1.2 1
	wait_until 10 http_get "$lbhost" 2001:db8:10::2 1
	load_module
	nat_configure "$family"
	nobody_is_answered "without the setting (IPv$family)"
	setting on
	check "the server's host becomes ready (IPv$family)" nat_ready "$family"
	one_round "$family" steering steered
	check "status says what marks cost in gre (IPv$family)" equal "$(ctl_json "$lbhost" status |
		jq '.warnings | map(select(test("^marked packets of gre.*GRO"))) | length')" 1
	session_by_hand "$family"
	ctl "$rshost" pause steer
	one_round "$family" "rewrite" rewritten
	setting off
	check "paths of keys that say something else now are dead at once (IPv$family)" equal "$(live_paths "$rshost")" 0
	nobody_is_answered "without the setting again (IPv$family)"
	setting on
	other_network "$family"
	ctl "$rshost" resume all
	for host in "$rshost" "$gwhost"; do overlay_remove "$host" 200; done
	unload_module
done
finish
