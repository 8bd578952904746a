# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The main job's network, which several scenarios stand on: IPVS NAT over an overlay, and a real server whose default route
# is not the balancer.
#
#            200.1.1.2                                  underlay 172.18.10.N, 2001:db8:18::N
#            2001:db8:c1::2                                            |
#   client ------------------ lbhost  VIP 198.51.100.10, br100 10.1.1.254    .1 ---+
#      |                              VIP 2001:db8:51::10, …:10::254               |
#      |                      rshost  br100 ---- tap0 - rs 10.1.1.2, …:10::2 .2 ---+
#      |                                                                           |
#      +--------------------- gwhost  br100 10.1.1.1, …:10::1 (rs's gateway)  .3 ---+
#            200.1.2.2        overlay 10.1.1.0/24, 2001:db8:10::/64 = network 100 on the three br100
#            2001:db8:c2::2   and inside it, tagged as VLAN 7, 10.1.7.0/24, 2001:db8:17::/64
#
# Where tunnels carry IP packets, br100 and its addresses are not there: rshost is rs's router (10.1.1.1), and its tables
# send what is for the client to gwhost (routed-overlay.sh); there is no VLAN.
#
# The balancer's services: 198.51.100.10 and 2001:db8:51::10 lead to rs's untagged addresses, .17 and ::17 to its tagged.

vip4=198.51.100.10 vip6=2001:db8:51::10
vip4_vlan=198.51.100.17 vip6_vlan=2001:db8:51::17

# The part that stays while the overlay changes.
nat_hosts() {
	local host
	# shellcheck disable=SC2086 # GRE has two modules
	require $tunnel_module ip_vs ip_vs_rr nf_tables bridge veth nf_conntrack 8021q
	underlay_switch
	setup_ns client lbhost rshost gwhost rs
	underlay_host "$lbhost" 1
	underlay_host "$rshost" 2
	underlay_host "$gwhost" 3

	client_links "$lbhost"
	for host in "$lbhost" "$gwhost"; do forwarding "$host"; done
	nat_services "$lbhost"
}

nat_services() { # LBHOST
	add_addresses "$1" lo "$vip4/32 $vip4_vlan/32 $vip6/128 $vip6_vlan/128"
	for pair in t:80 u:7; do
		service "$1" "${pair%:*}" "$vip4:${pair#*:}" "10.1.1.2:${pair#*:}"
		service "$1" "${pair%:*}" "$vip4_vlan:${pair#*:}" "10.1.7.2:${pair#*:}"
		service "$1" "${pair%:*}" "[$vip6]:${pair#*:}" "[2001:db8:10::2]:${pair#*:}"
		service "$1" "${pair%:*}" "[$vip6_vlan]:${pair#*:}" "[2001:db8:17::2]:${pair#*:}"
	done
	mark_to "$1" "$vip4" "$vip4_vlan" "$vip6" "$vip6_vlan"
}

# The overlay over one family of the underlay; called again for another one. Options of its devices may follow.
nat_overlay() { # FAMILY [OPTIONS…]
	local host first=''
	[ -e "$work/nat-overlay" ] || first=yes
	: > "$work/nat-overlay"
	for host in "$lbhost" "$rshost" "$gwhost"; do
		[ -n "$first" ] || overlay_remove "$host" 100
		overlay "$host" "$1" 100 "${@:2}"
	done
	if [ -n "$first" ]; then
		attach_vm "$rs" "$rshost" br100 tap0 "$rs_addresses"
		if [ -z "$ip_inside" ]; then
			nat_vlan "$lbhost" 254
			nat_vlan "$gwhost" 1
			nat_server
		else
			batch "$rs" "route add default via 10.1.1.1" "route add default via 2001:db8:10::1"
		fi
	fi
	[ -z "$ip_inside" ] || replies_by "$rs" "$gwhost"
	# Of MPLS a peer is who the neighbour tables say. IPv6's learn nothing of a request for a label's next hop, which comes
	# from a link-local address: the server's host, which sends the balancer's nothing yet, has to have asked for it.
	[ "$tunnel" != mpls ] || udp_echo "$rshost" "$(vtep "$lbhost" "$1")" hello 1 > /dev/null 2>&1 || true
}

# What a server says to the clients is sent to this host.
if [ -z "$ip_inside" ]; then
	replies_by() { # VM HOST
		local n=1
		[ "$2" != "$lbhost" ] || n=254
		batch "$1" "route replace default via 10.1.1.$n" "route replace default via 2001:db8:10::$n"
	}
fi

rs_addresses="10.1.1.2/24 2001:db8:10::2/64"

# What the server has beside its port: its tagged addresses, and its ways out. What it says from those leaves tagged, by
# the same foreign gateway.
nat_server() {
	local lines=()
	address_lines eth0.7 "10.1.7.2/24 2001:db8:17::2/64"
	batch "$rs" "link add eth0.7 link eth0 type vlan id 7" "${lines[@]}" "link set eth0.7 up" \
		"route add default via 10.1.1.1" "route add default via 2001:db8:10::1" \
		"route add default via 10.1.7.1 table 7" "route add default via 2001:db8:17::1 table 7" \
		"rule add from 10.1.7.2 table 7"
	ip -n "$rs" -6 rule add from 2001:db8:17::2 table 7
}

nat_vlan() { # HOST N : its addresses in the overlay
	local lines=()
	address_lines br100 "10.1.1.$2/24 2001:db8:10::$2/64"
	address_lines br100.7 "10.1.7.$2/24 2001:db8:17::$2/64"
	batch "$1" "link add br100.7 link br100 type vlan id 7" "${lines[@]}" "link set br100.7 up"
}

# The module's configuration on both hosts, for an underlay family.
nat_configure() { # FAMILY
	ctl "$lbhost" mark list | grep -q 48594c42 || ctl "$lbhost" mark add "$first_mark"
	pair_hosts "$lbhost" "$(vtep "$lbhost" "$1")" "$rshost" "$(vtep "$rshost" "$1")"
}

nat_ready() { # FAMILY
	wait_until 15 nat_ready_now "$1"
}

# Endpoints are found when first used, so each look comes after a request.
nat_ready_now() { # FAMILY
	peer_ready "$lbhost" "$(vtep "$rshost" "$1")" && return 0
	http_get "$client" "$vip4" 1 > /dev/null 2>&1 || true
	peer_ready "$lbhost" "$(vtep "$rshost" "$1")"
}

# --- what the scenarios of this network ask ---------------------------------------

. "$netns_dir/main-job.sh"

# Nobody gets an answer, although every request arrives.
nobody_is_answered() { # WHEN
	local before
	before=$(logged '^udp .* lost')
	no_answers "$1"
	check "requests reached the server $1" wait_until 20 logged_more "$before"
}

logged_more() { # BEFORE
	[ "$(logged '^udp .* lost')" -ge $(($1 + ${#services[@]})) ]
}

logged() { # REGULAR EXPRESSION
	grep -c -e "$1" "$log" || true
}

row_is() { # PROTOCOL NUMBER SERVER PORT CLIENT FAMILY
	session_row_is "${@:1:5}" "$(mac_of "$lbhost" br100) $(vtep "$lbhost" "$6") 100"
}
