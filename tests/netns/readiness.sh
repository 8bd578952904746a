#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Readiness. A mark is a promise by the other side to remove it: the stock VXLAN driver drops a packet with bits that it
# does not know, and says nothing. So only who answers probes gets marks, and whoever stops says so first. The tunnel is
# TUNNEL's: where the driver does not look at the bits, they are no promise kept either, and the same is asked.
#
#                                   underlay 172.18.10.N
#   client --- lbhost [marks] .1 ----+---- .2 rshost [module] br100 - tap0 - rs   10.1.1.2, …:10::2
#     |                              +---- .4 stock  [nothing] br100 - tap0 - rs2 10.1.1.3, …:10::3
#     +------- gwhost .3 ------------+
#
# Both servers stand behind each VIP. A host without the module is here one whose namespace was never configured: the
# module is the machine's, its hooks a namespace's, and there are none in this one, as is checked; what removes marks in
# the others cannot help it.
# (the rest of the drawing: nat-topology.sh)
#
# Three parts:
#   mixed  rs answers by a foreign gateway, and only the backhaul brings that back; rs2 by the balancer, as without it.
#   loss   both answer by the balancer: then nothing but a mark can lose a packet. Under a load that notices each loss,
#          everything that can go away, does: farewell, wrong marks, another protocol, the module itself.
#   stall  rs answers by the foreign gateway again: how soon after the other side is back does a reply come?
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

log=$work/server.log log2=$work/server2.log
vip_stock=198.51.100.20 # rs2 alone
rate=${RATE:-50}

configure_server() { ctl "$rshost" peer replace "$lbvtep" --send --accept; }

# State and reason of an endpoint, as "peer list" of the balancer's host says them: in the tunnel that is spoken of, for what
# carries labels can be another tunnel as well.
endpoint() { # ADDRESS
	ctl_json "$lbhost" peer list | jq -er --arg address "$1" --arg tunnel "$tunnel" \
		'[.[].endpoints[]? | select(.address == $address and .tunnel == $tunnel)][0] | "\(.state): \(.reason)"'
}

said() { # ADDRESS EXPRESSION
	endpoint "$1" | grep -q -e "$2"
}

# A part of the load that was sent while this stood is what is spoken of: some marks, some packets at least.
some_traffic() {
	local before
	before=$(stat_of "$lbhost" "$1")
	wait_until 10 stat_grew "$lbhost" "$1" "$before" "${2:-5}"
}

load_ends() { # NAME WHAT
	local outcome
	outcome=$(worker load-stop "$1")
	note "$2: $outcome, retransmitted until now: $(worker retransmitted "$client" "$rs" "$rs2" | xargs)"
	check "$2: a load was there" at_least "$(jq .sent <<< "$outcome")" 30
	check "$2: not one datagram is lost" equal "$(jq -c '[.lost, .lost_first]' <<< "$outcome")" "[0,[]]"
	check "$2: not one request fails" equal "$(jq -c '[.failed, .failures]' <<< "$outcome")" "[0,[]]"
}

# --- mixed: a host without the module beside one that has it -----------------------

mixed() {
	check "the host without has no hook" equal "$(ctl_json "$stock" status | jq -c .hooks)" "[]"
	capture_start "$switch" p4 "$work/p4" "$(tunnel_filter 4) and $(outer_to "$stock" 4)"
	before=$(stat_of "$lbhost" marked)
	not_ready=$(stat_of "$lbhost" mark_not_ready)
	worker load mixed "$client" "$rate" "$vip4" "$vip6" "$vip_stock"
	check "the host without the module is known as silent" wait_until 15 said "$stockvtep" '^silent: no answer'
	check "marks go to the one" wait_until 10 stat_grew "$lbhost" marked "$before" 20
	check "not to the other" wait_until 10 stat_grew "$lbhost" mark_not_ready "$not_ready" 20
	load_ends mixed "a host without the module"
	check "both servers took part" sh -c "grep -q '^udp 200.1.1.2 .* load' $log && grep -q '^tcp 2001:db8:c1::2' $log &&
		grep -q '^udp 200.1.1.2 .* load' $log2 && grep -q '^tcp 2001:db8:c1::2' $log2"
	capture_stop "$work/p4"
	check "on the wire nothing but probes was marked for it" \
		equal "$(capture_count "$work/p4" "not ($(flags_filter 4 "$unmarked")) and not $(probe_filter 4)")" 0
	check "and there were probes" \
		at_least "$(capture_count "$work/p4" "$(flags_filter 4 "$second_mark") and $(probe_filter 4)")" 2
	check "and requests" at_least "$(capture_count "$work/p4" "$(flags_filter 4 "$unmarked")")" 20

	marks_nobody_removes "$default_mark"
	marks_nobody_removes "$other_mark"
	ctl "$lbhost" tunnel set "$tunnel" --second-mark "$default_mark"
	check "without marks it works as before" worker echo "$client" "$vip_stock" 31000 found
}

# What readiness is for: what becomes of marks that are sent all the same.
marks_nobody_removes() { # MARK
	local before
	ctl "$lbhost" tunnel set "$tunnel" --second-mark "$1"
	ctl "$lbhost" peer add "$stockvtep" --send=always
	before=$(stat_of "$lbhost" marked)
	if driver_drops "$1"; then
		check "marks ($1) to a host that removes none are lost" not worker echo "$client" "$vip_stock" 31000 lost
	else
		check "marks ($1) to a host that removes none lose nothing" worker echo "$client" "$vip_stock" 31000 ignored
	fi
	check "and they were sent" stat_grew "$lbhost" marked "$before"
	ctl "$lbhost" peer del "$stockvtep"
}

# --- loss: what goes away under load ------------------------------------------------

leave_the_port() {
	# A port that is looked at no longer: its marks would reach the driver.
	ctl "$rshost" tunnel set "$tunnel" --port $((tunnel_port + 1))
	check "the server's host leaves the port: said in peer list" said "$rsvtep" '^silent: it said that it is going away'
	check "requests go on unmarked" some_traffic mark_not_ready 10
	ctl "$rshost" tunnel set "$tunnel" --port auto
	check "it looks at it again: ready" wait_until 10 peer_ready "$lbhost" "$rsvtep"
	check "marks are sent again" some_traffic marked 10
}

loss() {
	replies_by "$rs" "$lbhost"
	worker load loss "$client" "$rate" "$vip4" "$vip6"
	check "loss: marks are sent" some_traffic marked 20

	for round in 1 2; do
		ctl "$rshost" peer flush
		check "the server's host says that it goes away ($round)" said "$rsvtep" '^silent: it said that it is going away'
		check "requests go on unmarked ($round)" some_traffic mark_not_ready 10
		check "its hooks are gone ($round)" equal "$(ctl_json "$rshost" status | jq -c .hooks)" "[]"
		configure_server
		check "it is back ($round)" wait_until 10 peer_ready "$lbhost" "$rsvtep"
		check "marks are sent again ($round)" some_traffic marked 10
	done

	# The server's side changes what it accepts; then the balancer's what it sends.
	ctl "$rshost" tunnel set "$tunnel" --accept-mark "$other_mark"
	check "wrong second mark at the server: said in peer list" \
		wait_until 10 said "$rsvtep" '^mismatch: it does not accept our second mark'
	check "requests go on unmarked" some_traffic mark_not_ready 10
	ctl "$lbhost" tunnel set "$tunnel" --second-mark "$other_mark"
	check "the balancer's follows" wait_until 10 peer_ready "$lbhost" "$rsvtep"
	check "marks are sent again" some_traffic marked 10
	ctl "$lbhost" tunnel set "$tunnel" --second-mark "$default_mark"
	check "wrong second mark at the balancer: said in peer list" \
		said "$rsvtep" '^mismatch: it does not accept our second mark'
	check "requests go on unmarked" some_traffic mark_not_ready 10
	ctl "$rshost" tunnel set "$tunnel" --accept-mark "$other_mark,$default_mark"
	check "both accepted: ready" wait_until 10 peer_ready "$lbhost" "$rsvtep"
	check "marks are sent again" some_traffic marked 10

	if [ -n "$tunnel_port" ]; then
		leave_the_port
	else
		skip "the server's host leaves the port" "$tunnel has no ports"
	fi

	# The stock host gets something that answers probes in another version of the protocol, and still removes no mark.
	worker old-module "$stock" eth0 "$stockvtep" 2
	check "another protocol version: said in peer list" \
		wait_until 10 said "$stockvtep" '^mismatch: its readiness protocol has another version'
	check "requests to it go on unmarked" some_traffic mark_not_ready 10

	# The module itself. It is the machine's, so it goes from all hosts; whichever goes first, no mark is left behind.
	check "loss: marks were removed until now" stat_grew "$rshost" cleared 0 20
	check "the module can be unloaded under load" unload_module
	check "requests go on" wait_until 10 worker echo "$client" "$vip4" 31001 unloaded
	load_module
	configure_server
	ctl "$lbhost" mark add "$first_mark"
	ctl "$lbhost" peer add 172.18.10.0/24 --send --accept
	check "loaded again it becomes ready" wait_until 15 peer_ready "$lbhost" "$rsvtep"
	check "loss: marks are sent again" some_traffic marked 10
	load_ends loss "everything that can go away"
	# Lost or not: nothing of the load has met the server's driver with a mark.
	check "loss: nothing is marked behind the record stage" equal "$(behind "$rshost" marked)" 0
	check "and the packets are there" at_least "$(behind "$rshost" clean)" 200

	# A namespace that is removed says farewell as well: here a third host's, which had asked for nothing else.
	setup_ns leaving
	underlay_host "$leaving" 5
	overlay "$leaving" 4 100
	ctl "$leaving" peer add "$lbvtep" --accept
	ctl "$lbhost" peer add "$(vtep "$leaving" 4)" --send
	[ "$tunnel" != mpls ] || mark_to_third
	check "a third host becomes ready" wait_until 10 third_is_ready
	ip netns del "$leaving"
	check "removed with its namespace it has said so" \
		wait_until 2 said "$(vtep "$leaving" 4)" '^silent: it said that it is going away'
}

# Of MPLS an endpoint is found by traffic with the first mark: here of the host's own.
mark_to_third() {
	local lines=()
	if [ -n "$carrier" ]; then
		pair_lines 100 tn100-5 "$lbvtep" "$(vtep "$leaving" 4)"
		batch "$lbhost" "${lines[@]}"
	fi
	overlay_routes "$lbhost" 4 100
	in_ns "$lbhost" nft -f - <<-NFT
		table inet third {
			chain output {
				type route hook output priority mangle;
				ip daddr 10.1.2.5 meta mark set $first_mark
			}
		}
	NFT
}

third_is_ready() {
	[ "$tunnel" != mpls ] || udp_echo "$lbhost" 10.1.2.5 found 1 > /dev/null 2>&1 || true
	peer_ready "$lbhost" "$(vtep "$leaving" 4)"
}

# --- stall: how soon it is back ------------------------------------------------------

stall() {
	replies_by "$rs" "$gwhost"
	for pair in t:80 u:7; do in_ns "$lbhost" ipvsadm -d "-${pair%:*}" "$vip4:${pair#*:}" -r "10.1.1.3:${pair#*:}"; done
	worker load stall "$client" "$rate" "$vip4"
	check "backhaul works" worker load-answered stall "$(now_ms)"
	for round in 1 2; do
		ctl "$rshost" peer flush
		check "without it nobody is answered ($round)" not worker echo "$client" "$vip4" $((31010 + round)) away
		# A module that was unloaded has lost its sessions as well.
		[ "$round" -eq 1 ] || ctl "$rshost" session flush
		configure_server
		back=$(now_ms)
		stall=$(worker load-answered stall "$back") || true # what it says is no number then
		note "the first reply comes $stall ms after the server's host is back"
		check "backhaul stalls at most 1 s after it is back ($round)" at_most "$stall" $((1000 * ${SLOW:-1}))
		check "marks are sent again ($round)" some_traffic marked
	done
	worker load-stop stall > /dev/null
}

# --- the network -----------------------------------------------------------------

nat_hosts
setup_ns stock rs2
underlay_host "$stock" 4
nat_overlay 4
overlay "$stock" 4 100
attach_vm "$rs2" "$stock" br100 tap0 "10.1.1.3/24 2001:db8:10::3/64"
[ -z "$ip_inside" ] || batch "$rs2" "route add default via 10.1.1.1" "route add default via 2001:db8:10::1"
replies_by "$rs2" "$lbhost"
for pair in t:80 u:7; do
	in_ns "$lbhost" ipvsadm -a "-${pair%:*}" "$vip4:${pair#*:}" -r "10.1.1.3:${pair#*:}" -m
	in_ns "$lbhost" ipvsadm -a "-${pair%:*}" "[$vip6]:${pair#*:}" -r "[2001:db8:10::3]:${pair#*:}" -m
	service "$lbhost" "${pair%:*}" "$vip_stock:${pair#*:}" "10.1.1.3:${pair#*:}"
done
ip -n "$lbhost" addr add "$vip_stock/32" dev lo
in_ns "$lbhost" nft add rule inet first_mark prerouting ip daddr "$vip_stock" meta mark set "$first_mark"
lbvtep=$(vtep "$lbhost" 4) rsvtep=$(vtep "$rshost" 4) stockvtep=$(vtep "$stock" 4)
start_server "$rs" "$log"
start_server "$rs2" "$log2"
worker_start
watch_behind_record "$rshost"
ignore_messages "$rshost"
load_module
ctl "$lbhost" mark add "$first_mark"
ctl "$lbhost" peer add 172.18.10.0/24 --send --accept
configure_server

check "the host with the module becomes ready" nat_ready 4
for part in ${PARTS:-mixed loss stall}; do $part; done
finish
