#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A fleet is prepared host by host while it works, and taken back again. At first every server's default route is the
# balancer, as people do today. Then one host after the other gets its configuration, and its server another gateway,
# while another one that has nothing serves beside it. Not one datagram of a load that sends each once is lost, not one
# request fails, and streams that began before go on to the end.
#
#                                             underlay 172.18.10.N
#   client --- lbhost [IPVS, first mark] .1 ----+---- .2 rshost  br100 - tap0 - rs  10.1.1.2, …:10::2
#      |                 br100 10.1.1.254       +---- .4 rshost2 br100 - tap0 - rs2 10.1.1.3, …:10::3
#      +------ gwhost .3 br100 10.1.1.1 --------+
#
#   VIP 198.51.100.10, 2001:db8:51::10: both servers in turn; 198.51.100.21, .22: one of them each
#
# The right order: the balancer's host, then each server's host before its server's route; back, the route first. The
# wrong one: the servers' hosts before the balancer's, which goes first in the end. What must not be is shown as well: a
# route that goes before its host is prepared.
#
# The module is the machine's: a host without it is one whose namespace has no configuration, and so no hook, as is
# checked. It is loaded and unloaded under the load, too. (the rest of the drawing: nat-topology.sh)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

family=${FAMILIES:-4}
family=${family%% *}
rate=${RATE:-30}
own_vip=('' 198.51.100.21 198.51.100.22) # of each server
numbers='1 2'

network() {
	local n pair
	nat_hosts
	setup_ns rshost2 rs2
	underlay_host "$rshost2" 4
	nat_overlay "$family"
	hosts=('' "$rshost" "$rshost2") servers=('' "$rs" "$rs2")
	overlay "$rshost2" "$family" 100
	attach_vm "$rs2" "$rshost2" br100 tap0 "10.1.1.3/24 2001:db8:10::3/64"
	for n in $numbers; do
		add_addresses "$lbhost" lo "${own_vip[n]}/32"
		service "$lbhost" t "${own_vip[n]}:80" "10.1.1.$((n + 1)):80"
		route_by "$n" "$lbhost"
	done
	in_ns "$lbhost" nft add rule inet first_mark prerouting ip daddr "{ ${own_vip[1]}, ${own_vip[2]} }" \
		meta mark set "$first_mark"
	for pair in t:80 u:7; do
		in_ns "$lbhost" ipvsadm -a "-${pair%:*}" "$vip4:${pair#*:}" -r "10.1.1.3:${pair#*:}" -m
		in_ns "$lbhost" ipvsadm -a "-${pair%:*}" "[$vip6]:${pair#*:}" -r "[2001:db8:10::3]:${pair#*:}" -m
	done
	# Replies of services that leave by the other gateway.
	in_ns "$gwhost" nft -f - <<-NFT
		table inet foreign {
			counter replies { }
			chain forward {
				type filter hook forward priority filter;
				meta l4proto { tcp, udp } th sport { 7, 80 } counter name replies
			}
		}
	NFT
}

foreign() {
	in_ns "$gwhost" nft -j list counter inet foreign replies | jq '.nftables[] | .counter? | .packets // empty'
}

foreign_more() { at_least "$(foreign)" $(($1 + 1)); }

# --- steps of an operator -------------------------------------------------------

route_by() { # N HOST : what the server says to the clients goes there
	replies_by "${servers[$1]}" "$2"
}

prepare_balancer() {
	ctl "$lbhost" mark add "$first_mark"
	ctl "$lbhost" peer add "$prefix" --send --accept
}

prepare_server() { ctl "${hosts[$1]}" peer add "$lbvtep" --send --accept; }

take_back() { # HOST
	ctl "$1" peer flush
	ctl "$1" mark flush
}

# --- what is seen ---------------------------------------------------------------

vtep_of_server() { vtep "${hosts[$1]}" "$family"; }

has_nothing() { # HOST
	equal "$(ctl_json "$1" status | jq -c .hooks)" "[]"
}

endpoint_is() { # N STATE
	equal "$(ctl_json "$lbhost" peer list | jq -r --arg address "$(vtep_of_server "$1")" \
		'[.[].endpoints[]? | select(.address == $address)][0].state')" "$2"
}

# By the server's own log: how many flows of datagrams the load has with it.
flows_with() { # N
	awk '$1 == "udp" && $5 == "load" { flow[$2 " " $3] } END { for (f in flow) n++; print n + 0 }' "$(log_of "$1")"
}

log_of() { echo "$work/server-$1.log"; }

stream_port() { echo $((50000 + $1)); }

# Each flow that began before, datagrams and the stream, has had a marked packet: from then on the route may change.
known_flows() { # N
	local row
	equal "$(ctl "${hosts[$1]}" session list --proto udp --dport 7 | awk '$1 + 0' | wc -l)" "$(flows_with "$1")"
	row="1 200.1.1.2 $(stream_port "$1") 10.1.1.$(($1 + 1)) 80 6 $(mac_of "$lbhost" br100) $lbvtep 100"
	equal "$(ctl "${hosts[$1]}" session list --proto tcp --sport "$(stream_port "$1")" |
		awk '$1 == 1 { $1 = $1; print }')" "$row"
}

# Numbers that only the server sends, ten a second.
begin_stream() { # N
	: > "$work/stream-$1"
	ip netns exec "$client" curl -s -S -N -m $((500 * ${SLOW:-1})) --local-port "$(stream_port "$1")" \
		-o "$work/stream-$1" "http://${own_vip[$1]}/drip/100000" 2> "$work/stream-$1.errors" &
	background+=($!)
}

stream_lines() {
	local n
	for n in $numbers; do wc -l < "$work/stream-$n"; done | xargs
}

# Within the time of a few retransmissions; one whose replies have no way does not.
streams_grew() { # LINES-BEFORE…
	local n lines
	read -r -a lines <<< "$(stream_lines)"
	for n in $numbers; do at_least "${lines[n - 1]}" $((${!n} + 3)); done
}

everyone_is_answered() { # WHEN
	local before
	before=$(stream_lines)
	check "both servers answer, $1" equal "$(in_ns "$client" curl -s -S -f -m $((10 * ${SLOW:-1})) \
		"http://${own_vip[1]}/" "http://${own_vip[2]}/" 2>&1 | xargs)" "200.1.1.2 200.1.1.2"
	# shellcheck disable=SC2086 # two numbers
	check "and their streams go on" wait_until 5 streams_grew $before
}

# --- the orders -----------------------------------------------------------------

server_leaves_the_balancer() { # N
	local steered
	check "the flows with server $1 are known before its route goes" wait_until 15 known_flows "$1"
	route_by "$1" "$gwhost"
	steered=$(stat_of "${hosts[$1]}" steered)
	check "with another gateway replies of server $1 are steered" \
		wait_until 10 stat_grew "${hosts[$1]}" steered "$steered" 10
}

balancer_goes_unmarked() { # WHEN
	local before
	before=$(stat_of "$lbhost" mark_not_ready)
	check "requests go unmarked $1" wait_until 10 stat_grew "$lbhost" mark_not_ready "$before" 10
}

right_order() {
	local n
	prepare_balancer
	for n in $numbers; do
		check "host $n, which has nothing, is known as silent" wait_until 15 endpoint_is "$n" silent
	done
	balancer_goes_unmarked "to hosts that have nothing"
	check "nothing was marked" equal "$(stat_of "$lbhost" marked)" 0
	everyone_is_answered "the balancer's host prepared"
	for n in $numbers; do
		check "host $n has no hook until now" has_nothing "${hosts[n]}"
		prepare_server "$n"
		check "host $n becomes ready" wait_until 10 endpoint_is "$n" ready
		server_leaves_the_balancer "$n"
		[ "$n" -gt 1 ] || everyone_is_answered "one host prepared, one not"
	done
	everyone_is_answered "all prepared"
}

right_order_back() {
	local n marked
	for n in $numbers; do
		route_by "$n" "$lbhost"
		take_back "${hosts[n]}"
		check "host $n has said that it goes" endpoint_is "$n" silent
		check "host $n has no hook any more" has_nothing "${hosts[n]}"
		balancer_goes_unmarked "to host $n again"
		[ "$n" -gt 1 ] || everyone_is_answered "one host taken back"
	done
	marked=$(stat_of "$lbhost" marked)
	everyone_is_answered "no server's host prepared"
	check "nothing is marked any more" equal "$(stat_of "$lbhost" marked)" "$marked"
	take_back "$lbhost"
	check "the balancer's host has no hook any more" has_nothing "$lbhost"
}

# What one order finds there, the other does not: the servers' hosts wait for a balancer that marks nothing.
wrong_order() {
	local n recorded=('' '' '')
	for n in $numbers; do
		prepare_server "$n"
		recorded[n]=$(stat_of "${hosts[n]}" recorded)
	done
	everyone_is_answered "only servers' hosts prepared"
	for n in $numbers; do
		check "host $n records nothing of a balancer that marks nothing" \
			equal "$(stat_of "${hosts[n]}" recorded)" "${recorded[n]}"
	done
	prepare_balancer
	for n in $numbers; do
		check "host $n, which waited, is ready" wait_until 10 endpoint_is "$n" ready
		server_leaves_the_balancer "$n"
	done
	everyone_is_answered "all prepared, the servers' hosts first"
}

wrong_order_back() {
	local n refreshed steered
	for n in $numbers; do route_by "$n" "$lbhost"; done
	take_back "$lbhost"
	refreshed=$(stat_of "$rshost" refreshed) steered=$(stat_of "$rshost" steered)
	everyone_is_answered "the balancer's host taken back first"
	check "what comes is unmarked" equal "$(stat_of "$rshost" refreshed)" "$refreshed"
	check "flows that host 1 knows go on by their sessions" stat_grew "$rshost" steered "$steered" 3
	for n in $numbers; do take_back "${hosts[n]}"; done
	for n in $numbers; do check "host $n has no hook at the end" has_nothing "${hosts[n]}"; done
}

load_is_whole() {
	local outcome
	outcome=$(worker load-stop rollout)
	note "$outcome"
	check "a load was there" at_least "$(jq .sent <<< "$outcome")" 500
	check "requests were there" at_least "$(jq .requests <<< "$outcome")" 100
	check "not one datagram is lost" equal "$(jq -c '[.lost, .lost_first]' <<< "$outcome")" "[0,[]]"
	check "not one request fails" equal "$(jq -c '[.failed, .failures]' <<< "$outcome")" "[0,[]]"
	for n in $numbers; do
		check "server $n had its part of it" at_least "$(grep -c '^udp .* load' "$(log_of "$n")")" 50
		check "and saw nobody but the client, over both families" \
			equal "$(awk '$1 != "ready" { print $2 }' "$(log_of "$n")" | sort -u | xargs)" "200.1.1.2 2001:db8:c1::2"
	done
	check "not one reply took the other gateway" equal "$(foreign)" "$foreign"
}

# --- the scenario ---------------------------------------------------------------

network
prefix=172.18.10.0/24
[ "$family" = 4 ] || prefix=2001:db8:18::/64
lbvtep=$(vtep "$lbhost" "$family")
for n in $numbers; do start_server "${servers[n]}" "$(log_of "$n")"; done
worker_start
for n in $numbers; do wait_until 20 http_get "$client" "${own_vip[n]}" 2; done

foreign=$(foreign)
route_by 1 "$gwhost"
check "a route that goes before its host is prepared: no answer" not http_get "$client" "${own_vip[1]}" 2
check "the reply took the other gateway" foreign_more "$foreign"
route_by 1 "$lbhost"
foreign=$(foreign)

worker load rollout "$client" "$rate" "$vip4" "$vip6"
for n in $numbers; do begin_stream "$n"; done
everyone_is_answered "without the module"
load_module
for host in "$lbhost" "${hosts[@]:1}"; do check "the module alone has no hook" has_nothing "$host"; done
right_order
right_order_back
wrong_order
wrong_order_back
check "the module can be unloaded under load" unload_module
everyone_is_answered "without the module again"
load_is_whole

topology rollout vxlan "$family" 4 6
finish
