#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# GRE without keys. Then there is no number that tells networks apart: a tunnel's two ends do, and the bridge that its
# device is a port of. All these networks are one zone of the session table, number 0.
#
# Two tenants, the same but for the MACs of their servers, by which captures tell them apart:
#
#   client_a -- lbhost_a .1 ==+ gretap .1 - .2 +== rshost .2 [br100] -- rs_a 10.1.1.2    (gateway: gwhost_a .3)
#   client_b -- lbhost_b .4 ==+ gretap .4 - .2 +== rshost .2 [br200] -- rs_b 10.1.1.2    (gateway: gwhost_b .5)
#                                                            (the whole drawing: tenants-topology.sh)
# Neither's replies ever reach the other's balancer, not even when both have a flow of one tuple: that is one row then,
# which the last marked packet moves, and whose replies go back for the tenant that it belongs to.
#
# And a tunnel that differs from another only in its local end, for the server's host has two addresses:
#
#   client_a -- lbhost_a .1 [br100] == gretap .1 - .2 == rshost .2 [br100] -- rs_a 10.1.1.2
#                           [br300] == gretap .1 - .6 == rshost .6 [br300] -- rs_c 10.3.3.2   (gateway: there is none)
export TUNNEL=gre
. "$(dirname "$0")/lib.sh"
keyless=yes
. "$(dirname "$0")/tenants-topology.sh"

burst=200
from_a="$(frame_byte 4 8 4) = 0x00000a02"
from_b="$(frame_byte 4 8 4) = 0x00000b02"
from_c="$(inner_byte 4 12 4) = 0x0a030302 and $(inner_byte 4 20 2) = 9"

# Endpoint and network of a flow's rows.
rows() { # SPORT DPORT
	ctl "$rshost" session list --src 200.1.1.2 --sport "$1" --dport "$2" |
		awk '$1 ~ /^[0-9]/ { print $8, $9 }'
}

ask() { # CLIENT PORT COUNT [SECONDS]
	worker packets "$1" ask "$vip" 9 "$2" "$3" "${4:-5}"
}

nothing_for_the_other() { # NAME
	check "the first balancer's host got not one packet of the second's server ($1)" \
		equal "$(sent "$1" "$lbhost_a" 0 "$from_b")" 0
	check "nor the second's of the first's" equal "$(sent "$1" "$lbhost_b" 0 "$from_a")" 0
}

# Flows of different ports, at once.
flows_apart() {
	local name=apart jobs=() status_a=0 status_b=0
	watch "$name"
	download "$client_a" 1000000 41001 > "$work/out-a" 2>&1 &
	jobs+=($!)
	download "$client_b" 1100000 42001 > "$work/out-b" 2>&1 &
	jobs+=($!)
	wait "${jobs[0]}" || status_a=$?
	wait "${jobs[1]}" || status_b=$?
	check "the first tenant's download arrives as its server sent it" eval "cat $work/out-a; [ $status_a = 0 ]"
	check "the second tenant's too" eval "cat $work/out-b; [ $status_b = 0 ]"
	check "each of both tenants' datagrams is answered to its sender, once" \
		equal "$(worker packets "$client_a" ask "$vip" 9 41002 "$burst" 5 + "$client_b" ask "$vip" 9 42002 $((burst - 1)) 5)" \
		"$burst $burst"$'\n'"$((burst - 1)) $((burst - 1))"
	check "the rows have their endpoints, and no network" \
		equal "$(rows 41001 80) $(rows 42001 80) $(rows 41002 9) $(rows 42002 9)" \
		"$lb_a 0 $lb_b 0 $lb_a 0 $lb_b 0"
	watched "$name"
	check "the first balancer's host gets its tenant's replies" \
		at_least "$(sent "$name" "$lbhost_a" 0 "$from_a and ($tcp_from_80 or $udp_from_9)")" "$burst"
	check "the second's gets its tenant's" \
		at_least "$(sent "$name" "$lbhost_b" 0 "$from_b and ($tcp_from_80 or $udp_from_9)")" $((burst - 1))
	nothing_for_the_other "$name"
	check "no reply goes to the servers' own gateways" \
		equal "$(sent "$name" "$gwhost_a" 0 "($tcp_from_80 or $udp_from_9)") $(sent "$name" "$gwhost_b" 0 \
			"($tcp_from_80 or $udp_from_9)")" "0 0"
}

# One tuple, and so one row for two networks: whose it is, the last marked packet says.
one_tuple() {
	local name=tuple moved unknown failed port=43000
	moved=$(stat_of "$rshost" moved)
	watch "$name"
	check "a flow of the first tenant is answered" equal "$(ask "$client_a" "$port" "$burst")" "$burst $burst"
	check "then the second's of the same tuple" equal "$(ask "$client_b" "$port" "$burst")" "$burst $burst"
	check "they have one row" equal "$(rows "$port" 9)" "$lb_b 0"
	check "which has moved" equal "$(stat_of "$rshost" moved)" $((moved + 1))
	unknown=$(stat_of "$rshost" zone_unknown) failed=$(stat_of "$rshost" rewrite_failed)
	worker packets "$rs_a" udp eth0 "$gw_mac" 10.1.1.2 9 200.1.1.2 "$port" 20
	watched "$name"
	check "what the first's server still says is not steered by the other's way" \
		stat_grew "$rshost" zone_unknown "$unknown" 20
	check "nor corrected to it where it leaves" stat_grew "$rshost" rewrite_failed "$failed" 20
	check "it goes by its own gateway" equal "$(sent "$name" "$gwhost_a" 0 "$from_a and $udp_from_9")" 20
	nothing_for_the_other "$name"
	check "the first tenant's next packet has the row back" equal "$(ask "$client_a" "$port" 20)" "20 20"
	check "with its endpoint" equal "$(rows "$port" 9)" "$lb_a 0"
	watch "$name-both"
	worker packets "$client_a" ask "$vip" 9 "$port" "$burst" 1 + "$client_b" ask "$vip" 9 "$port" "$burst" 1 > /dev/null
	watched "$name-both"
	nothing_for_the_other "$name-both"
}

# The server's host has another address, and a tunnel from there to the same balancer's host.
second_address() {
	local lines
	second=172.18.10.6
	add_addresses "$rshost" eth0 "$second/24"
	for side in "$rshost:$second:$lb_a" "$lbhost_a:$lb_a:$second"; do
		IFS=: read -r host from to <<< "$side"
		lines=()
		bridge_only_lines "$host" 300
		pair_lines 300 tn300-1 "$from" "$to"
		batch "$host" "${lines[@]}"
	done
	add_addresses "$lbhost_a" br300 10.3.3.254/24
	service "$lbhost_a" u "$vip:10" 10.3.3.2:9
	attach_vm "$rs_c" "$rshost" br300 tap_c 10.3.3.2/24
	batch "$rs_c" "route add default via 10.3.3.1" "neigh add 10.3.3.1 lladdr $gw_mac dev eth0"
	worker answer "$rs_c" 9
	ctl "$lbhost_a" peer replace "$second" --send --accept
	check "the server's host becomes ready by its second address" wait_until 15 peer_ready "$lbhost_a" "$second"
}

# By steering alone: nothing is corrected where it leaves.
replies_by_their_end() {
	local name=ends steered
	ctl "$rshost" pause rewrite
	steered=$(stat_of "$rshost" steered)
	capture_start "$switch" p2 "$work/$name" "$(any_tunnel_filter) and (src host $(vtep "$rshost" 4) or src host $second)"
	check "flows to both of its addresses are answered at once" \
		equal "$(worker packets "$client_a" ask "$vip" 9 44001 "$burst" 5 + "$client_a" ask "$vip" 10 44002 $((burst - 1)) 5)" \
		"$burst $burst"$'\n'"$((burst - 1)) $((burst - 1))"
	watched "$name"
	check "their replies were steered" stat_grew "$rshost" steered "$steered" $((2 * burst - 1))
	check "those of the first server left by the first tunnel" \
		equal "$(sent "$name" "$lbhost_a" 0 "$udp_from_9 and $inner_from_server and src host $(vtep "$rshost" 4)")" "$burst"
	check "those of the other by the other" \
		equal "$(sent "$name" "$lbhost_a" 0 "$from_c and src host $second")" $((burst - 1))
	check "and none by the wrong one" \
		equal "$(sent "$name" "$lbhost_a" 0 "$inner_from_server and src host $second") $(sent "$name" "$lbhost_a" 0 \
			"$from_c and src host $(vtep "$rshost" 4)")" "0 0"
	ctl "$rshost" resume all
}

both_ready() {
	peer_ready "$lbhost_a" "$(vtep "$rshost" 4)" && peer_ready "$lbhost_a" "$second"
}

# What the other server's network says on a tuple of the first's is its own, though both tunnels lead to one host.
own_end_counts() {
	local name=own unknown failed
	check "the server's host is ready by both of its addresses still" \
		both_ready
	check "no probe to either of them went unanswered" equal "$(stat_of "$rshost" probe_limited)" 0
	check "a flow of the first server is answered" equal "$(ask "$client_a" 45000 20)" "20 20"
	check "it has the one row" equal "$(rows 45000 9)" "$lb_a 0"
	unknown=$(stat_of "$rshost" zone_unknown) failed=$(stat_of "$rshost" rewrite_failed)
	capture_start "$switch" p2 "$work/$name" "$(any_tunnel_filter) and (src host $(vtep "$rshost" 4) or src host $second)"
	worker packets "$rs_c" udp eth0 "$gw_mac" 10.1.1.2 9 200.1.1.2 45000 20
	watched "$name"
	check "a tuple of the first network, said in the other, is not steered" stat_grew "$rshost" zone_unknown "$unknown" 20
	check "nor corrected where it leaves" stat_grew "$rshost" rewrite_failed "$failed" 20
	check "it leaves by its own tunnel, as it was" equal "$(sent "$name" "$lbhost_a" 0 "$udp_from_9 and src host $second and \
		$(frame_byte 4 0 4) = 0x02000000 and $(frame_byte 4 4 2) = 0x0a01")" 20
}

# shellcheck disable=SC2086 # GRE has two modules
require $tunnel_module ip_vs ip_vs_rr nf_tables nft_chain_nat nft_nat bridge veth nf_conntrack
underlay_switch
setup_ns client_a client_b lbhost_a lbhost_b rshost gwhost_a gwhost_b rs_a rs_b rs_c gw_a gw_b
ports_are_free_at_once
underlay_host "$lbhost_a" 1
underlay_host "$rshost" 2
underlay_host "$gwhost_a" 3
underlay_host "$lbhost_b" 4
underlay_host "$gwhost_b" 5
worker_start
# Without keys, two hosts have one tunnel between them: each tenant has his hosts.
underlay_hosts=("$lbhost_a" "$rshost" "$gwhost_a")
tenant a 100
underlay_hosts=("$lbhost_b" "$rshost" "$gwhost_b")
tenant b 200
ip -n "$rs_b" link set eth0 address 02:00:00:00:0b:02
lb_a=$(vtep "$lbhost_a" 4) lb_b=$(vtep "$lbhost_b" 4)
load_module
tenants_configure
tenants_reach
flows_apart
cell gre-keyless 4 4 on
one_tuple
second_address
replies_by_their_end
own_end_counts
finish
