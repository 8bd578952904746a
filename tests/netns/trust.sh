#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Trust. Only a host that is accepted, by the device that it is accepted on, makes and moves sessions. Whatever else
# comes marked is counted with its source, and delivered without its mark, as if it had never had one: dropping it would
# gain nothing, and make a forgotten "accept" an outage.
#
#                        underlay 172.18.10.N, 2001:db8:18::N
#   lbhost  .1 ------------------+
#   stranger .4 ---(1)(2)--------+---- .2 eth0 [ rshost ] br100 --- tap0 - rs
#                                              [        ]              (4)
#   outside 172.18.20.9 --(3)-------------eth1 [        ]
#           2001:db8:20::9
#
# Marked packets by, and what they claim to be from:
#   (1) stranger, itself             (3) outside, the balancer's host: the right address on the wrong device
#   (2) stranger, the balancer's host on the right device: what only the underlay can tell, and therefore accepted: the
#       control that shows such a packet to be a good one in all other respects
#   (4) the server VM, the balancer's host, through the bridge
# Each time one packet for the tuple of a recorded session, to take it over, and one for a new tuple.
# (the rest of the drawing: nat-topology.sh)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

log=$work/server.log

# One counter out of all of them, without a process.
value_of() { # COUNTERS NAME
	local expression='"'$2'": *([0-9]+)'
	[[ $1 =~ $expression ]] && echo "${BASH_REMATCH[1]}"
}

counters() { ctl_json "$rshost" stats show; }

values_of() { # COUNTERS NAME…
	local name
	for name in "${@:2}"; do echo "$name $(value_of "$1" "$name")"; done
}

# Both packets, each with a text by which the server's log knows it. The new tuple has the given client port.
both_packets() { # NS OUTER-SOURCE PORT TEXT
	local link
	read -r -a link <<< "$(link_options "$1" "$2" "$rshost")"
	worker send "$1" "$2" "$rsvtep" 200.1.1.2 "$port" 10.1.1.2 7 dmac="$rsmac" text="$4-taken" "${link[@]}" &&
		worker send "$1" "$2" "$rsvtep" 203.0.113.7 "$3" 10.1.1.2 7 dmac="$rsmac" text="$4-new" "${link[@]}"
}

# MPLS has no outer addresses: it is MAC addresses that say, and forge, whose a packet is.
link_options() { # NS OUTER-SOURCE HOST
	local to=eth0
	[ "$tunnel$carrier" = mpls ] || return 0
	case $1 in
	"$outside") to=eth1 ;;
	"$rs") to=tap0 ;;
	esac
	echo "dev=eth0 osmac=${station[$2]} odmac=$(mac_of "$3" "$to")"
}
declare -A station=()

delivered() { # TEXT
	grep -q "^udp 200.1.1.2 $port 10.1.1.2 $1-taken" "$log" && grep -q "^udp 203.0.113.7 [0-9]* 10.1.1.2 $1-new" "$log"
}

sessions() { ctl_json "$rshost" session list; }

# Marked packets that must change nothing.
attack() { # WHO NS OUTER-SOURCE PORT
	local before after table changes=(recorded moved expired evicted deleted path_expired)
	table=$(sessions)
	before=$(counters)
	check "$1: marked packets are sent" both_packets "$2" "$3" "$4" "${1// /-}-$family"
	check "$1: they are delivered" wait_until 5 delivered "${1// /-}-$family"
	after=$(counters)
	check "$1: no row is new, moved or otherwise changed" equal "$(sessions)" "$table"
	check "$1: nor is anything counted so" equal "$(values_of "$after" "${changes[@]}")" \
		"$(values_of "$before" "${changes[@]}")"
	check "$1: both are counted as untrusted" \
		equal "$(value_of "$after" untrusted)" $(($(value_of "$before" untrusted) + 2))
}

# A station of a link is named by one of its addresses: the neighbour tables may have it by both families.
stranger_is_named() {
	local names=("$stranger_address")
	[ "$tunnel$carrier" != mpls ] || names=("$(vtep "$stranger" 4)" "$(vtep "$stranger" 6)")
	ctl_json "$rshost" status | jq -e --args '.warnings | any(startswith($ARGS.positional[] | "marked packets from \(.),"))' \
		"${names[@]}"
}

row() { # COLUMN : of the session under attack
	sessions | jq -r --argjson port "$port" ".[] | select(.src_port == \$port) | .$1"
}

# The session's own flow, from the same port each time. Of 40 bytes: what labels carry over IPv6 Linux drops if it is shorter
# than a header of IPv6 (tunnelmpls6_rcv()), whatever it is.
flow_works() {
	worker echo "$client" "$vip4" "$port" "flow-$family" 40
}

# What MPLS over Ethernet needs: the hosts know each other, each device takes labels, and the switch does not learn MAC
# addresses of who forges them, or the next packets for their owner would go there.
stranger_is_a_neighbour() {
	in_ns "$rshost" sh -c 'echo 1 > /proc/sys/net/mpls/conf/tap0/input'
	ip -n "$switch" link set p4 type bridge_slave learning off
	udp_echo "$stranger" "$rsvtep" hello 1 > /dev/null || true
}

# The stranger's own traffic has the first mark: of labels it is what finds the endpoint that he will probe.
stranger_marks() {
	[ "$seen" = 1 ] || return 0
	ctl "$stranger" mark add "$first_mark"
	in_ns "$stranger" nft -f - <<-NFT
		table inet first_mark {
			chain output {
				type route hook output priority mangle;
				udp dport 7 meta mark set $first_mark
			}
		}
	NFT
}

one_family() {
	local outside_address=172.18.20.9 stranger_address balancer before lines=() link=()
	rsvtep=$(vtep "$rshost" "$family") lbvtep=$(vtep "$lbhost" "$family") stranger_address=$(vtep "$stranger" "$family")
	[ "$family" = 4 ] || outside_address=2001:db8:20::9
	port=2000$family
	station=(["$lbvtep"]=$(mac_of "$lbhost" eth0) ["$rsvtep"]=$(mac_of "$rshost" eth0)
		["$stranger_address"]=$(mac_of "$stranger" eth0) ["$outside_address"]=$(mac_of "$outside" eth0))
	# In this order: nobody probes a host that is not there to take the probe's mark away.
	ctl "$lbhost" peer flush
	ctl "$rshost" peer flush
	nat_overlay "$family"
	# Its own tunnels make the stranger's probes leave. What has one other end gets packets from that alone.
	[ "$seen" = 1 ] || overlay_remove "$stranger" 100
	overlay "$stranger" "$family" 100
	if [ "$tunnel" != vxlan ]; then
		pair_lines 100 tn100-9 "$rsvtep" "$outside_address"
		batch "$rshost" "${lines[@]}"
		[ "$tunnel" != mpls ] || takes_labels "$rshost"
	fi
	[ "$tunnel$carrier" != mpls ] || stranger_is_a_neighbour
	[ "$tunnel" != mpls ] || stranger_marks
	ctl "$rshost" peer replace "$lbvtep" --send --accept --dev eth0
	ctl "$lbhost" peer replace "$rsvtep" --send --accept
	check "the server's host is ready (IPv$family)" nat_ready "$family"
	rsmac=$(mac_of "$rs" eth0)
	balancer="$(endpoint_of "$lbhost" "$family") $(inner_mac "$lbhost" 100)"

	check "a flow through the balancer works (IPv$family)" wait_until 10 flow_works
	check "and has its session" equal "$(row "$(endpoint_column)") $(row mac)" "$balancer"

	attack "a stranger" "$stranger" "$stranger_address" 3001
	check "status names the stranger" stranger_is_named
	attack "a forged address on the wrong device" "$outside" "$lbvtep" 3002
	attack "the outside by its own address" "$outside" "$outside_address" 3003
	attack "a VM with a forged address" "$rs" "$lbvtep" 3004

	# A send peer is not an accept peer; a peer's networks are all that it may record in.
	ctl "$rshost" peer replace "$stranger_address" --send
	attack "a host that is only sent to" "$stranger" "$stranger_address" 3005
	ctl "$rshost" peer replace "$stranger_address" --accept --vni 200
	attack "a host accepted for another network" "$stranger" "$stranger_address" 3006
	ctl "$rshost" peer del "$stranger_address"
	ctl "$rshost" peer replace "${prefix[$family]}" --accept
	ctl "$rshost" peer replace "$stranger_address" --none
	attack "a host excepted from an accepted prefix" "$stranger" "$stranger_address" 3007
	ctl "$rshost" peer del "$stranger_address"
	ctl "$rshost" peer del "${prefix[$family]}"

	check "the flow goes on by the balancer (IPv$family)" flow_works
	check "its row is what it was" equal "$(row "$(endpoint_column)") $(row mac)" "$balancer"

	# Readiness messages are as untrusted.
	before=$(stat_of "$lbhost" answer_unexpected)
	read -r -a link <<< "$(link_options "$stranger" "$rsvtep" "$lbhost")"
	check "a forged \"not ready\" is sent" worker not-ready "$stranger" "$rsvtep" "$lbvtep" "${link[@]}"
	check "it is counted" wait_until 5 stat_grew "$lbhost" answer_unexpected "$before"
	check "and not believed" peer_ready "$lbhost" "$rsvtep"
	before=$(stat_of "$rshost" probe_untrusted)
	ctl "$stranger" peer replace "$rsvtep" --send
	[ "$tunnel" != mpls ] || udp_echo "$stranger" 10.1.1.2 probing 3 > /dev/null || true
	check "a stranger's probes are counted" wait_until 10 stat_grew "$rshost" probe_untrusted "$before"
	check "and not answered" equal "$(stat_of "$stranger" answer_received)" 0
	ctl "$stranger" peer flush

	# The control: what was forged above is taken where only the underlay could have filtered it.
	before=$(counters)
	check "control: the same packets from the right device" both_packets "$stranger" "$lbvtep" "30${family}8" control-"$family"
	check "control: they are delivered" wait_until 5 delivered control-"$family"
	check "control: one makes a session" stat_grew "$rshost" recorded "$(value_of "$before" recorded)"
	if [ -z "$ip_inside" ]; then
		check "control: one moves the session" stat_grew "$rshost" moved "$(value_of "$before" moved)"
		check "control: to the MAC that it claimed" equal "$(row mac)" 02:00:00:00:66:66
		check "control: the balancer's next packet moves it back" flow_works
		check "control: to the balancer" equal "$(row mac)" "$(mac_of "$lbhost" br100)"
	else # there is no MAC to claim: it is the balancer's packet in all respects
		check "control: one refreshes the session" stat_grew "$rshost" refreshed "$(value_of "$before" refreshed)"
		check "control: which is the balancer's" equal "$(row "$(endpoint_column)") $(row mac)" "$balancer"
	fi

	# A forgotten "accept": requests arrive as ever.
	before=$(stat_of "$rshost" untrusted)
	ctl "$rshost" peer replace "$lbvtep" --send
	read -r -a link <<< "$(link_options "$lbhost" "$lbvtep" "$rshost")"
	worker send "$lbhost" "$lbvtep" "$rsvtep" 203.0.113.8 4000 10.1.1.2 7 dmac="$rsmac" text="forgotten-$family" "${link[@]}"
	check "without accept the balancer's packets are delivered" wait_until 5 grep -q "forgotten-$family" "$log"
	check "and counted" stat_grew "$rshost" untrusted "$before"
	check "nothing is marked behind the record stage" equal "$(behind "$rshost" marked)" 0
	check "and the packets are there (IPv$family)" at_least "$(behind "$rshost" clean)" $((16 * seen))
}

# What the stranger's address is in.
declare -A prefix=([4]=172.18.10.0/28 [6]=2001:db8:18::/124)

nat_hosts
nat_overlay 4
setup_ns stranger outside
underlay_host "$stranger" 4
link "$rshost" eth1 "172.18.20.2/24 2001:db8:20::2/64" "$outside" eth0 "172.18.20.9/24 2001:db8:20::9/64"
ip -n "$outside" link set eth0 mtu "$underlay_mtu"
ip -n "$outside" route add 172.18.10.0/24 via 172.18.20.2
ip -n "$outside" route add 2001:db8:18::/64 via 2001:db8:20::2
# The VM reaches the host by its bridge's MAC, if it is not its router.
for address in "$(vtep "$rshost" 4)" "$(vtep "$rshost" 6)"; do
	[ -z "$ip_inside" ] || break
	ip -n "$rs" route add "$address" dev eth0
	ip -n "$rs" neigh add "$address" lladdr "$(mac_of "$rshost" br100)" dev eth0
done
start_server "$rs" "$log"
watch_behind_record "$rshost"
worker_start
load_module
ctl "$lbhost" mark add "$first_mark"
seen=0
for family in ${FAMILIES:-4 6}; do
	seen=$((seen + 1))
	one_family
done
finish
