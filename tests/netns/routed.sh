#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tunnels that carry IP packets (gre, ip6gre): no bridge, no inner MAC. The server's host is its router. Requests come
# out of a tunnel and are routed to the server; a reply is routed by tables that lead elsewhere, in another tunnel or in
# none at all, and is steered at FORWARD into the tunnel that its request came by, or corrected at LOCAL_OUT.
#
#   client 200.1.1.2 --- lbhost .1 [IPVS] ==gre, key 100==+          +--- tap0  rs    10.1.1.2, 2001:db8:10::2
#      |                                                  +== rshost +            (its default route: rshost)
#      |    lb_b .4 [IPVS] ==gre, key 200 (VRF b)=========+     .2   +--- tap_b rs_b  the same addresses, in vrf-b
#      |                                                        |
#      +--- gwhost .3 ------------- plain link, or gre, key 100 + routes to the client: "elsewhere"
#
# At the end the server's host has one "external" GRE device for network 100 in place of its two.
# client_b (200.1.1.2, too) is lb_b's; addresses and ports of the two tenants are the same.
# (the rest of the drawing: nat-topology.sh, routed-overlay.sh)
TUNNEL=ipgre
. "$(dirname "$0")/lib.sh"
. "$netns_dir/nat-topology.sh"

large=${LARGE:-500000}
log=$work/server.log
services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")

# Both tenants' tunnels. Their MTU is less than the server's, which has to be told.
tunnels() { # FAMILY
	local host vni device lines
	underlay_hosts=("$lbhost" "$rshost" "$gwhost")
	nat_overlay "$1"
	underlay_hosts=("$lb_b" "$rshost")
	for host in "${underlay_hosts[@]}"; do
		overlay_remove "$host" 200
		overlay "$host" "$1" 200
	done
	for host in "$lbhost" "$rshost" "$gwhost" "$lb_b"; do
		lines=()
		for vni in 100 200; do
			for device in $(overlay_devices "$host" "$vni"); do lines+=("link set $device mtu 1400"); done
		done
		batch "$host" "${lines[@]}"
	done
}

# In his tables, too, there is a way to the clients, and it is the wrong one.
second_server() {
	attach_vm "$rs_b" "$rshost" br200 tap_b "10.1.1.2/24 2001:db8:10::2/64"
	batch "$rs_b" "route add default via 10.1.1.1" "route add default via 2001:db8:10::1"
	batch "$rshost" "link add nowhere type dummy" "link set nowhere master vrf-b up" \
		"route add 200.1.1.0/24 dev nowhere vrf vrf-b" "route add 2001:db8:c1::/64 dev nowhere vrf vrf-b"
	start_server "$rs_b" "$work/server-b.log"
}

# Where the routing tables of the server's host would send what is for a client.
elsewhere() { # plain|tunnel
	case $1 in
	plain) batch "$rshost" "route replace 200.1.1.0/24 via 10.9.0.2" "route replace 2001:db8:c1::/64 via 2001:db8:9::2" ;;
	tunnel) replies_by "$rs" "$gwhost" ;;
	esac
}

row_is() { # PROTOCOL NUMBER SERVER PORT CLIENT FAMILY : without a MAC
	session_row_is "${@:1:5}" "- $(vtep "$lbhost" "$6") 100" --vni 100
}

# Whether checksums are left to the underlay's devices.
set_offload() { # on|off
	offload=$1
	for host in "$lbhost" "$rshost"; do in_ns "$host" ethtool -K eth0 tx "$1" > /dev/null; done
}

one_round() { # FAMILY WHERE MODE
	local service vip server seen wire=$work/wire before
	ctl "$rshost" resume all
	case $3 in
	steering) ctl "$rshost" pause rewrite ;;
	rewrite) ctl "$rshost" pause steer ;;
	esac
	before="$(stat_of "$rshost" steered) $(stat_of "$rshost" rewritten)"
	in_ns "$rshost" nft reset counters > /dev/null
	capture_start "$switch" p2 "$wire" "$(tunnel_filter "$1")"
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		service_works "$vip over IPv$1, elsewhere is $2, $3" "$vip" "$server" "$seen" "$large" "$1"
		case $vip in
		*:*) cell "$matrix_row" "$1" 6 "$offload" ;;
		*) cell "$matrix_row" "$1" 4 "$offload" ;;
		esac
	done
	capture_stop "$wire"
	topology routed "$matrix_row" "$1" 4 6
	case $3 in
	rewrite)
		check "replies were rewritten" stat_grew "$rshost" rewritten "${before#* }" 20
		check "none was steered" equal "$(stat_of "$rshost" steered)" "${before% *}"
		;;
	*)
		check "replies were steered" stat_grew "$rshost" steered "${before% *}" 20
		check "none had to be rewritten" equal "$(stat_of "$rshost" rewritten)" "${before#* }"
		;;
	esac
	check "$second_mark is on the wire" at_least \
		"$(capture_count "$wire" "$(flags_filter "$1" "$second_mark") and not $(probe_filter "$1")")" 20
	check "nothing of the server's goes elsewhere in a tunnel" equal \
		"$(capture_count "$wire" "dst host $(vtep "$gwhost" "$1") and $(from_server_filter "$1")")" 0
	check "nothing is marked behind the record stage" equal "$(behind "$rshost" marked)" 0
	check "and the packets are there" at_least "$(behind "$rshost" clean)" 20
}

# By the inner source address, behind eight bytes of GRE header.
from_server_filter() { # FAMILY
	echo "($(tunnel_byte "$1" 20 4) = 0x0a010102 or $(tunnel_byte "$1" 16 4) = 0x20010db8)"
}

# The other tenant has the same addresses, in a VRF of his own: neither's replies reach the other's balancer.
two_tenants() { # FAMILY
	local wire=$work/tenants
	ctl "$rshost" resume all
	capture_start "$switch" p2 "$wire" "src host $(vtep "$rshost" "$1")"
	check "the second tenant is answered (IPv$1)" equal "$(http_get "$client_b" "$vip6" 2>&1 || true)" 2001:db8:c1::2
	check "both tenants are answered, by the same tuple (IPv$1)" same_tuple 41000
	check "there is a row for each" equal "$(ctl "$rshost" session list --sport 41000 --proto tcp |
		awk '$1 ~ /^[0-9]/ { print $2, $3, $8, $9 }' | sort)" \
		"200.1.1.2 41000 $(vtep "$lbhost" "$1") 100"$'\n'"200.1.1.2 41000 $(vtep "$lb_b" "$1") 200"
	ctl "$lbhost" pause mark
	ctl "$rshost" session flush --vni 100
	check "the tenant with a session is answered" equal \
		"$(in_ns "$client_b" curl -s -m 5 --local-port 41001 "http://$vip4/")" 200.1.1.2
	check "the one without is not, though his tuple is the other's" \
		not in_ns "$client" curl -s -m 3 --local-port 41001 "http://$vip4/"
	ctl "$lbhost" resume all
	capture_settle "$wire" "$rshost" "$(vtep "$lbhost" "$1")"
	capture_stop "$wire"
	check "in the second balancer's tunnel is nothing of the first's server" equal \
		"$(capture_count "$wire" "dst host $(vtep "$lb_b" "$1") and $(from_server_filter "$1") and $(key_filter "$1") != 200")" 0
	check "nor the other way round" equal \
		"$(capture_count "$wire" "dst host $(vtep "$lbhost" "$1") and $(from_server_filter "$1") and $(key_filter "$1") != 100")" 0
	check "and the packets are there" at_least \
		"$(capture_count "$wire" "$(from_server_filter "$1") and $(key_filter "$1") = 200")" 10
}

key_filter() { tunnel_byte "$1" 4 4; }

same_tuple() { # PORT
	local one two
	one=$(in_ns "$client" curl -s -S -m 5 --local-port "$1" "http://$vip4/") || { echo "the first: $one" && return 1; }
	two=$(in_ns "$client_b" curl -s -S -m 5 --local-port "$1" "http://$vip4/") || { echo "the second: $two" && return 1; }
	equal "$one $two" "200.1.1.2 200.1.1.2"
}

# Network 100 of somebody's VXLAN, which no bridge of this server has, has a session of the same tuple. That is another
# tenant's: the server's packet is no reply of it, and opens nothing there.
another_tunnels_number() { # FAMILY
	local flow=(--src 200.1.1.2 --sport 41003 --dst 10.1.1.2 --dport 80 --proto tcp --vni 100) steered unknown
	ip -n "$rshost" link add vx100 up type vxlan id 100 local "$(vtep "$rshost" "$1")" dstport 4789
	ctl "$lbhost" pause mark
	ctl "$rshost" session add "${flow[@]}" --vtep "$(vtep "$gwhost" "$1")" --mac 02:00:00:00:66:66
	steered=$(stat_of "$rshost" steered) unknown=$(stat_of "$rshost" zone_unknown)
	check "a flow that is not recorded is not answered (IPv$1)" \
		not in_ns "$client" curl -s -m 3 --local-port 41003 "http://$vip4/"
	check "its packets met the other's session" stat_grew "$rshost" zone_unknown "$unknown"
	check "and did not take its way" equal "$(stat_of "$rshost" steered)" "$steered"
	ctl "$rshost" session del "${flow[@]}"
	ctl "$lbhost" resume all
	ip -n "$rshost" link del vx100
}

# A link on the way to the balancer is narrower than the tunnel device's MTU supposes: its driver drops what is too long,
# and can tell nobody.
narrow_link() { # FAMILY
	local there told vip
	there=$(vtep "$lbhost" "$1")
	ip -n "$rshost" route add "$there" dev eth0 mtu 1340
	for version in -4 -6; do ip -n "$rs" "$version" route flush cache; done
	for vip in "$vip4" "$vip6"; do
		told=$(stat_of "$rshost" steer_too_long)
		check "a download over a narrow link, by $vip (IPv$1)" http_download "$client" "$vip" 200000
		check "the server was told how much fits it" stat_grew "$rshost" steer_too_long "$told"
	done
	ip -n "$rshost" route del "$there" dev eth0
	for version in -4 -6; do ip -n "$rs" "$version" route flush cache; done
}

# More networks lead to the server's tables than are looked for one by one.
many_networks() { # FAMILY
	local vni lines=() steered
	for vni in {301..309}; do
		pair_lines "$vni" "tn$vni-3" "$(vtep "$rshost" "$1")" "$(vtep "$gwhost" "$1")"
	done
	batch "$rshost" "${lines[@]}"
	steered=$(stat_of "$rshost" steered)
	check "beside nine more networks the server is reached (IPv$1)" equal "$(http_get "$client" "$vip4" 2>&1 || true)" 200.1.1.2
	check "and its replies are steered" stat_grew "$rshost" steered "$steered"
	for vni in {301..309}; do overlay_remove "$rshost" "$vni"; done
}

# Of the tenants of such a device the sixteen that came last are looked for. The one that is served here came before: a
# session of its own, entered first, sees to that.
many_tenants() { # FAMILY
	local vni flow=(--src 200.1.1.2 --sport 4600 --dst 10.1.1.9 --dport 80 --proto tcp --vtep "$(vtep "$gwhost" "$1")" --tunnel gre)
	local steered unknown
	for vni in 100 {401..416}; do ctl "$rshost" session add "${flow[@]}" --vni "$vni"; done
	steered=$(stat_of "$rshost" steered) unknown=$(stat_of "$rshost" zone_unknown)
	check "behind sixteen later tenants nobody is answered (IPv$1)" not in_ns "$client" curl -s -m 3 "http://$vip4/"
	check "the replies are counted" stat_grew "$rshost" zone_unknown "$unknown"
	check "and not steered" equal "$(stat_of "$rshost" steered)" "$steered"
	ctl "$rshost" session flush --vni 401
	check "behind fifteen he is answered" wait_until 10 http_get "$client" "$vip4" 2
	check "by steering" stat_grew "$rshost" steered "$steered"
	for vni in {402..416}; do ctl "$rshost" session flush --vni "$vni"; done
	ctl "$rshost" session del "${flow[@]:0:10}" --vni 100
}

# The server's host has one "external" device for this network, and for any other: its routes say where to send.
by_one_device() { # FAMILY
	local told fallback
	underlay_hosts=("$lbhost" "$rshost" "$gwhost")
	overlay_remove "$rshost" 100
	overlay_any["$rshost 100"]=yes
	overlay "$rshost" "$1" 100
	elsewhere plain
	for version in -4 -6; do ip -n "$rs" "$version" route flush cache; done
	told=$(stat_of "$rshost" steer_too_long) fallback=$(stat_of "$rshost" steer_fallback)
	one_round "$1" plain steering
	check "the server was told how long a packet may be" stat_grew "$rshost" steer_too_long "$told"
	check "no reply was left to the routing tables" equal "$(stat_of "$rshost" steer_fallback)" "$fallback"
	many_tenants "$1"
	elsewhere tunnel
	one_round "$1" tunnel rewrite
	overlay_remove "$rshost" 100
	overlay_any["$rshost 100"]=
	overlay "$rshost" "$1" 100
	elsewhere tunnel
}

by_hand() { # FAMILY
	local flow=(--src 200.1.1.2 --sport 4500 --dst 10.1.1.2 --dport 80 --proto tcp --vni 100)
	ctl "$rshost" session add "${flow[@]}" --vtep "$(vtep "$lbhost" "$1")" --tunnel gre
	check "a session entered by hand, without a MAC, works (IPv$1)" in_ns "$client" \
		curl -s -S -f -m 10 --local-port 4500 "http://$vip4/"
	ctl "$rshost" session del "${flow[@]}"
}

require vxlan vrf dummy
nat_hosts
setup_ns client_b lb_b rs_b
underlay_host "$lb_b" 4
forwarding "$lb_b"
link "$client_b" to-lb "200.1.1.2/24 2001:db8:c1::2/64" "$lb_b" to-client "200.1.1.1/24 2001:db8:c1::1/64"
batch "$client_b" "route add default via 200.1.1.1" "route add default via 2001:db8:c1::1"
nat_services "$lb_b"
link "$rshost" to-gw "10.9.0.1/30 2001:db8:9::1/64" "$gwhost" to-rshost "10.9.0.2/30 2001:db8:9::2/64"
overlay_vrf["$rshost 200"]="vrf-b"
start_server "$rs" "$log"
watch_behind_record "$rshost"

for family in ${FAMILIES:-4 6}; do
	tunnels "$family"
	elsewhere plain
	[ -e "$work/server-b.log" ] || second_server
	wait_until 10 http_get "$lbhost" 10.1.1.2 1
	wait_until 10 http_get "$lb_b" 2001:db8:10::2 1
	no_answers "without the module (IPv$family)"
	load_module
	for host in "$lbhost" "$lb_b"; do
		ctl "$host" mark add "$first_mark"
		pair_hosts "$host" "$(vtep "$host" "$family")" "$rshost" "$(vtep "$rshost" "$family")"
	done
	for host in "$lbhost" "$lb_b"; do
		check "the server's host becomes ready (IPv$family)" wait_until 15 peer_ready "$host" "$(vtep "$rshost" "$family")"
	done
	# What it was told before, by routers of earlier rounds.
	for version in -4 -6; do ip -n "$rs" "$version" route flush cache; done
	set_offload on
	one_round "$family" plain steering
	check "the server was told of the tunnel's MTU" at_least "$(stat_of "$rshost" steer_too_long)" 1
	narrow_link "$family"
	two_tenants "$family"
	another_tunnels_number "$family"
	many_networks "$family"
	elsewhere tunnel
	one_round "$family" tunnel rewrite
	set_offload off
	one_round "$family" tunnel both
	by_one_device "$family"
	by_hand "$family"
	for host in "$lbhost" "$lb_b"; do ctl "$rshost" peer del "$(vtep "$host" "$family")"; done
	no_answers "after peer del (IPv$family)"
	unload_module
done
# A VRF that goes with its namespace puts its ports down and up once more, and one whose other end has gone complains.
ip -n "$rshost" link set tap_b nomaster
finish
