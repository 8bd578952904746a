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
#      +--- gwhost .3 ------------- plain link, or gre, key 100 + default route: "elsewhere"
#
# client_b (200.1.1.2, too) is lb_b's; addresses and ports of the two tenants are the same.
TUNNEL=gre
. "$(dirname "$0")/lib.sh"
. "$netns_dir/main-job.sh"

vip4=198.51.100.10 vip6=2001:db8:51::10
large=${LARGE:-500000}
log=$work/server.log
services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")

kind() { # FAMILY
	case $1 in
	4) echo gre ;;
	6) echo ip6gre ;;
	esac
}

# A tunnel's two ends; the MTU is less than the server's, which has to be told.
tunnel_between() { # FAMILY KEY HOST1 DEVICE1 HOST2 DEVICE2
	local family=$1 key=$2 a=$3 b=$5
	batch "$a" "link add $4 mtu 1400 type $(kind "$family") key $key local $(vtep "$a" "$family") \
		remote $(vtep "$b" "$family")" "link set $4 up"
	batch "$b" "link add $6 mtu 1400 type $(kind "$family") key $key local $(vtep "$b" "$family") \
		remote $(vtep "$a" "$family")" "link set $6 up"
}

# A server whose router is its host.
server() { # NS PORT
	link "$rshost" "$2" "10.1.1.1/24 2001:db8:10::1/64" "$1" eth0 "10.1.1.2/24 2001:db8:10::2/64"
	batch "$1" "route add default via 10.1.1.1" "route add default via 2001:db8:10::1"
}

balancer() { # NS CLIENT
	link "$2" to-lb "200.1.1.2/24 2001:db8:c1::2/64" "$1" to-client "200.1.1.1/24 2001:db8:c1::1/64"
	batch "$2" "route add default via 200.1.1.1" "route add default via 2001:db8:c1::1"
	forwarding "$1"
	add_addresses "$1" lo "$vip4/32 $vip6/128"
	for pair in t:80 u:7; do
		service "$1" "${pair%:*}" "$vip4:${pair#*:}" "10.1.1.2:${pair#*:}"
		service "$1" "${pair%:*}" "[$vip6]:${pair#*:}" "[2001:db8:10::2]:${pair#*:}"
	done
	mark_to "$1" "$vip4" "$vip6"
}

# Both tunnels of the first tenant, and the second's in its VRF.
tunnels() { # FAMILY
	local host
	tunnel_between "$1" 100 "$lbhost" gre1 "$rshost" gre-lb
	tunnel_between "$1" 100 "$rshost" gre-gw "$gwhost" gre1
	tunnel_between "$1" 200 "$lb_b" gre1 "$rshost" gre-b
	batch "$rshost" "link set gre-b down" "link set gre-b master vrf-b" "link set gre-b up" \
		"route add 10.1.2.254 dev gre-lb" "route add 2001:db8:12::254 dev gre-lb" \
		"route add 10.1.2.254 dev gre-b table 20" "route add 2001:db8:12::254 dev gre-b table 20"
	for host in "$lbhost" "$lb_b"; do
		add_addresses "$host" gre1 "10.1.2.254/32 2001:db8:12::254/128"
		batch "$host" "route add 10.1.1.0/24 dev gre1 src 10.1.2.254" \
			"route add 2001:db8:10::/64 dev gre1 src 2001:db8:12::254"
	done
}

tunnels_gone() {
	local host
	ip -n "$rshost" link del gre-lb
	ip -n "$rshost" link del gre-gw
	ip -n "$rshost" link del gre-b
	for host in "$lbhost" "$lb_b" "$gwhost"; do ip -n "$host" link del gre1; done
}

# Where the routing tables of the server's host would send what is for a client.
elsewhere() { # plain|tunnel
	case $1 in
	plain) batch "$rshost" "route add 200.1.1.0/24 via 10.9.0.2" "route add 2001:db8:c1::/64 via 2001:db8:9::2" ;;
	tunnel)
		batch "$rshost" "route del 200.1.1.0/24" "route del 2001:db8:c1::/64" \
			"route add 200.1.1.0/24 dev gre-gw" "route add 2001:db8:c1::/64 dev gre-gw"
		;;
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
		*:*) cell gre-ip "$1" 6 "$offload" ;;
		*) cell gre-ip "$1" 4 "$offload" ;;
		esac
	done
	capture_stop "$wire"
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

by_hand() { # FAMILY
	local flow=(--src 200.1.1.2 --sport 4500 --dst 10.1.1.2 --dport 80 --proto tcp --vni 100)
	ctl "$rshost" session add "${flow[@]}" --vtep "$(vtep "$lbhost" "$1")" --tunnel gre
	check "a session entered by hand, without a MAC, works (IPv$1)" in_ns "$client" \
		curl -s -S -f -m 10 --local-port 4500 "http://$vip4/"
	ctl "$rshost" session del "${flow[@]}"
}

require ip_gre ip6_gre vxlan ip_vs ip_vs_rr nf_tables veth vrf dummy nf_conntrack
underlay_switch
setup_ns client client_b lbhost lb_b rshost gwhost rs rs_b
underlay_host "$lbhost" 1
underlay_host "$rshost" 2
underlay_host "$gwhost" 3
underlay_host "$lb_b" 4
batch "$rshost" "link add vrf-b type vrf table 20" "link set vrf-b up"
server "$rs" tap0
server "$rs_b" tap_b
# In each tenant's tables there is a way to the clients, and it is the wrong one.
batch "$rshost" "link set tap_b down" "link set tap_b master vrf-b" "link set tap_b up" "addr add 2001:db8:10::1/64 dev tap_b nodad" \
	"link add nowhere type dummy" "link set nowhere master vrf-b up" \
	"route add 200.1.1.0/24 dev nowhere table 20" "route add 2001:db8:c1::/64 dev nowhere table 20"
for host in "$rshost" "$gwhost"; do forwarding "$host"; done
balancer "$lbhost" "$client"
balancer "$lb_b" "$client_b"
link "$client" to-gw "200.1.2.2/24 2001:db8:c2::2/64" "$gwhost" to-client "200.1.2.1/24 2001:db8:c2::1/64"
link "$rshost" to-gw "10.9.0.1/30 2001:db8:9::1/64" "$gwhost" to-rshost "10.9.0.2/30 2001:db8:9::2/64"
batch "$gwhost" "route add 200.1.1.0/24 via 200.1.2.2" "route add 2001:db8:c1::/64 via 2001:db8:c2::2"
start_server "$rs" "$log"
start_server "$rs_b" "$work/server-b.log"
watch_behind_record "$rshost"

for family in ${FAMILIES:-4 6}; do
	tunnels "$family"
	elsewhere plain
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
	two_tenants "$family"
	another_tunnels_number "$family"
	elsewhere tunnel
	one_round "$family" tunnel rewrite
	set_offload off
	one_round "$family" tunnel both
	by_hand "$family"
	for host in "$lbhost" "$lb_b"; do ctl "$rshost" peer del "$(vtep "$host" "$family")"; done
	no_answers "after peer del (IPv$family)"
	unload_module
	batch "$rshost" "route del 200.1.1.0/24" "route del 2001:db8:c1::/64"
	tunnels_gone
done
# A VRF that goes with its namespace puts its ports down and up once more, and one whose other end has gone complains.
ip -n "$rshost" link set tap_b nomaster
finish
