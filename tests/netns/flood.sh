#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One reply, one packet. The server's host does not know behind which endpoint its VM's gateway is: the VXLAN device
# sends a copy of each reply to all three endpoints of its flood list; of Geneve or GRE each endpoint has a device, and
# the bridge gives a copy to each. Each copy is a reply, and each would be corrected to go to the balancer. One of them
# goes there, the others go nowhere.
#
#                                    +==> lbhost  .1   1,000 replies
#   rs --> rshost .2, no learning, --+--> gwhost  .3   none
#          empty databases           +--> other   .4   none                  (the rest: nat-topology.sh)
#
# With the backhaul paused (every endpoint gets every reply: so the flood is one), then corrected at LOCAL_OUT alone,
# then steered, over both families; with 40 endpoints; and what is sent again, byte for byte, arrives again. In GRE with
# sequence numbers no copy may become another's.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

if [ -n "$ip_inside" ]; then
	skip "one reply, one packet" "tunnels with IP inside have no flood list: hosts route"
	finish
fi
replies=1000
burst_port=9
receivers=(lbhost gwhost other)
log=$work/server.log

# Unicast addresses of others that any database knows.
known_addresses() {
	in_ns "$rshost" bridge fdb show | awk '$1 !~ /^(00:00:00:00:00:00|01:|33:)/ && !/permanent/' | wc -l
}

# The inner UDP or TCP source port, in a packet whose outer header is of FAMILY.
from_port() { # FAMILY INNERFAMILY PROTOCOL PORT
	local ip=14 protocol port
	case $2 in
	4) protocol=$((ip + 9)) port=$((ip + 20)) ;;
	6) protocol=$((ip + 6)) port=$((ip + 40)) ;;
	esac
	echo "$(tunnel_filter "$1") and $(frame_byte "$1" "$protocol") = $3 and $(frame_byte "$1" "$port" 2) = $4"
}

watch() { # FAMILY NAME
	local host
	for host in "${receivers[@]}"; do
		capture_start "${!host}" eth0 "$work/$2-$host" \
			"src host $(vtep "$rshost" "$1") and (udp or ($(tunnel_filter "$1")))"
	done
}

watched() { # FAMILY NAME
	local host
	for host in "${receivers[@]}"; do
		capture_settle "$work/$2-$host" "$rshost" "$(vtep "${!host}" "$1")"
		capture_stop "$work/$2-$host"
	done
}

# What each endpoint got of the inner traffic that FILTER selects.
got() { # NAME FILTER
	local host counts=()
	for host in "${receivers[@]}"; do counts+=("$(capture_count "$work/$1-$host" "$2")"); done
	echo "${counts[*]}"
}

burst() { # FAMILY NAME VIP SECONDS : prints what the client got
	watch "$1" "$2"
	in_ns "$client" "$netns_dir/packets.py" ask "$3" "$burst_port" 4009 "$replies" "$4"
	watched "$1" "$2"
}

one_family() { # FAMILY
	local family=$1 suppressed steered filter inner vip
	inner=$family vip=$vip4
	[ "$inner" = 4 ] || vip=$vip6
	filter=$(from_port "$family" "$inner" 17 "$burst_port")

	ctl "$rshost" pause backhaul
	check "with the backhaul paused the client gets nothing (IPv$family)" \
		equal "$(burst "$family" "paused$family" "$vip" 2)" "0 0"
	check "and each of the three endpoints a copy of every reply" \
		equal "$(got "paused$family" "$filter")" "$replies $replies $replies"

	ctl "$rshost" resume all
	ctl "$rshost" pause steer
	suppressed=$(stat_of "$rshost" flood_suppressed)
	check "corrected at LOCAL_OUT, the client gets each reply once (IPv$family)" \
		equal "$(burst "$family" "rewrite$family" "$vip" 5)" "$replies $replies"
	check "the balancer's host gets exactly $replies, the others none" \
		equal "$(got "rewrite$family" "$filter")" "$replies 0 0"
	check "two copies of each were suppressed" \
		equal "$(($(stat_of "$rshost" flood_suppressed) - suppressed))" $((2 * replies))

	ctl "$rshost" resume all
	steered=$(stat_of "$rshost" steered)
	check "steered, the client gets each reply once (IPv$family)" \
		equal "$(burst "$family" "steer$family" "$vip" 5)" "$replies $replies"
	check "the balancer's host gets exactly $replies, the others none" \
		equal "$(got "steer$family" "$filter")" "$replies 0 0"
	check "they were steered, but for one now and then" stat_grew "$rshost" steered "$steered" $((replies * 9 / 10))
	check "nothing was learned meanwhile" equal "$(known_addresses)" 0
}

# Copies must be told apart however many there are.
many_endpoints() {
	local filter
	flood_to "$rshost" 4 100 {101..140}
	filter=$(from_port 4 4 17 "$burst_port")
	ctl "$rshost" pause steer
	check "with 43 endpoints the client gets each reply once" \
		equal "$(burst 4 many "$vip4" 5)" "$replies $replies"
	check "the balancer's host gets exactly $replies, the others none" \
		equal "$(got many "$filter")" "$replies 0 0"
	ctl "$rshost" resume all
	flood_no_more_to "$rshost" 4 100 {101..140}
}

again() { # TIMES : the same frame, from rs to the port that the burst's client had
	in_ns "$rs" "$netns_dir/packets.py" udp eth0 "$gateway" 10.1.1.2 "$burst_port" 200.1.1.2 4009 "$1"
}

# A frame sent again is no copy, although nothing in it differs.
same_frame_again() {
	local filter
	filter=$(from_port 4 4 17 "$burst_port")
	ctl "$rshost" pause steer
	watch 4 again
	again 2
	capture_settle "$work/again-lbhost" "$rshost" "$(vtep "$lbhost" 4)"
	check "a frame sent twice arrives twice" equal "$(got again "$filter")" "2 0 0"
	# Its first copies were flooded, and one of them, towards gwhost, was consumed: this one is no copy of theirs.
	known_behind add "$rshost" 4 100 "$gateway" "$gwhost"
	again 1
	capture_settle "$work/again-lbhost" "$rshost" "$(vtep "$lbhost" 4)"
	check "sent again to one endpoint only, which is known by now, it arrives" equal "$(got again "$filter")" "3 0 0"
	again 2
	capture_settle "$work/again-lbhost" "$rshost" "$(vtep "$lbhost" 4)"
	check "and so it does twice more" equal "$(got again "$filter")" "5 0 0"
	known_behind del "$rshost" 4 100 "$gateway" "$gwhost"
	again 10
	watched 4 again
	check "and ten times more, flooded again" equal "$(got again "$filter")" "15 0 0"
	ctl "$rshost" resume all
}

retransmitted() {
	# shellcheck disable=SC2016 # for awk
	in_ns "$rs" awk '/^Tcp: [0-9]/ { print $13 }' /proc/net/snmp
}

# TCP over IPv6 without timestamps: a segment sent again is the same, byte for byte. Every twentieth reply is lost
# behind the capture at the balancer's host; what the server has sent has arrived there, each packet once.
retransmissions() { # MODE NAME
	local before filter sent
	filter=$(from_port 4 6 6 80)
	before=$(retransmitted)
	watch 4 "$2"
	capture_start "$rshost" tap0 "$work/$2-sent" -Q in ip6
	check "a download whose packets get lost arrives as it left ($1)" http_download "$client" "$vip6" 400000
	check "and the server had to send some of it again" at_least "$(retransmitted)" $((before + 10))
	# The last segments of the connection may come later than the client's last byte.
	wait_until 20 not server_is_busy
	in_ns "$rs" bash -c 'echo settled > /dev/udp/2001:db8:10::1/2'
	wait_until 10 capture_grew "$work/$2-sent" 0 udp dst port 2
	capture_stop "$work/$2-sent"
	watched 4 "$2"
	sent=$(capture_count "$work/$2-sent" ip6 proto 6 and src port 80)
	check "every packet of the server's reached the balancer's host once, and the others none" \
		equal "$(got "$2" "$filter")" "$sent 0 0"
	check "among them the ones sent again" at_least "$sent" 280
}

server_is_busy() {
	in_ns "$rs" ss -Htn state connected exclude time-wait sport = :80 | grep -q .
}

lose_replies() {
	require nft_numgen
	in_ns "$lbhost" nft -f - <<-NFT
		table inet loss {
			chain input {
				type filter hook input priority filter;
				ip saddr $(vtep "$rshost" 4) $(inner_type_rule 0x86dd) numgen inc mod 20 7 drop
			}
		}
	NFT
}

# GRE with sequence numbers: a copy belongs to its tunnel's stream, and would be refused, or refuse others, in another
# one. The balancer's copy is corrected where it is; the others go their ways, as without us.
streams_stay() {
	local OPTIONS=seq suppressed failed filter
	nat_overlay 4 seq
	overlay_remove "$other" 100
	overlay "$other" 4 100 seq
	overlay_forgetful "$rshost" 4 100 tap0 seq
	wait_until 30 http_get "$lbhost" 10.1.1.2 3
	check "with sequence numbers the server's host is ready" nat_ready 4
	filter=$(from_port 4 4 17 "$burst_port")
	suppressed=$(stat_of "$rshost" flood_suppressed) failed=$(stat_of "$rshost" rewrite_failed)
	ctl "$rshost" pause steer
	check "the client gets each reply once" equal "$(burst 4 streams "$vip4" 5)" "$replies $replies"
	check "each endpoint has got its own copy" equal "$(got streams "$filter")" "$replies $replies $replies"
	check "none was suppressed" equal "$(stat_of "$rshost" flood_suppressed)" "$suppressed"
	check "those for others are counted" stat_grew "$rshost" rewrite_failed "$failed" $((2 * replies))
	ctl "$rshost" resume all
}

nat_hosts
setup_ns other
underlay_host "$other" 4
service "$lbhost" u "$vip4:$burst_port" "10.1.1.2:$burst_port"
service "$lbhost" u "[$vip6]:$burst_port" "[2001:db8:10::2]:$burst_port"
start_server "$rs" "$log"
in_ns "$rs" "$netns_dir/packets.py" answer "$burst_port" &
background+=($!)
wait_until 20 in_ns "$rs" bash -c "ss -Hlun sport = :$burst_port | grep -q ."
in_ns "$rs" sysctl -qw net.ipv4.tcp_timestamps=0

# IPv4 last: what follows is over it.
families=" ${FAMILIES:-4 6} "
for family in 6 4; do
	[[ $families = *" $family "* ]] || continue
	nat_overlay "$family"
	# A segment a packet, to be counted.
	in_ns "$rs" ethtool -K eth0 tso off gso off > /dev/null
	[ ! -e "$work/$other-br100" ] || overlay_remove "$other" 100
	overlay "$other" "$family" 100
	overlay_forgetful "$rshost" "$family" 100 tap0
	wait_until 30 http_get "$lbhost" 10.1.1.2 3
	wait_until 30 http_get "$lbhost" 2001:db8:10::2 3
	load_module
	nat_configure "$family"
	check "the server's host becomes ready (IPv$family)" nat_ready "$family"
	one_family "$family"
	[ "$family" = 4 ] || unload_module
done
[[ $families = *" 4 "* ]] || finish
many_endpoints
gateway=$(mac_of "$gwhost" br100)
same_frame_again
lose_replies
ctl "$rshost" pause steer
retransmissions "corrected at LOCAL_OUT" lossy-rewrite
ctl "$rshost" resume all
retransmissions "steered" lossy-steer
[ "$tunnel" != gre ] || streams_stay
finish
