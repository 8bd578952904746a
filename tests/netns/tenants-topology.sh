# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Two tenants with the same addresses, ports and MACs, each with a balancer of its own; their servers are on one host.
# The network of several scenarios, which make the namespaces.
#
#   client_a 200.1.1.2 -- lbhost_a .1 VIP, 10.1.1.254 ==+ network 100 +== rshost .2 -- rs_a 10.1.1.2
#       |                                               |             |
#       +----------- gw_a 10.1.1.1 -- gwhost_a =========+             +
#       +----------- gw_b 10.1.1.1 -- gwhost_b =========+             +
#       |                                               |             |
#   client_b 200.1.1.2 -- lbhost_b .4 VIP, 10.1.1.254 ==+ network 200 +== rshost .2 -- rs_b 10.1.1.2
#
# gwhost_a and gwhost_b, the hosts of the servers' own gateways, may be one. Where tunnels carry IP packets they are two,
# and the gateways themselves: the servers' router, 10.1.1.1, is rshost, whose tables lead to them (routed-overlay.sh). A
# scenario whose tunnels are to have no keys says so ("keyless", of tunnel.sh) before it sources this file.

vip=198.51.100.10
lb_mac=02:00:00:00:0a:fe gw_mac=02:00:00:00:0a:01 rs_mac=02:00:00:00:0a:02

tenant() { # NAME VNI : all that is his
	local lbhost=lbhost_$1 client=client_$1 gw=gw_$1 rs=rs_$1 gwhost=gwhost_$1
	lbhost=${!lbhost} client=${!client} gw=${!gw} rs=${!rs} gwhost=${!gwhost}
	overlay "$lbhost" 4 "$2"
	[ -n "$ip_inside" ] || {
		ip -n "$lbhost" link set "br$2" address "$lb_mac"
		add_addresses "$lbhost" "br$2" 10.1.1.254/24
	}
	link "$client" to-lb 200.1.1.2/24 "$lbhost" to-client 200.1.1.1/24
	ip -n "$client" route add "$vip" via 200.1.1.1
	forwarding "$lbhost"
	ip -n "$lbhost" addr add "$vip/32" dev lo
	service "$lbhost" t "$vip:80" 10.1.1.2:80
	service "$lbhost" t "$vip:81" 10.1.1.2:81
	service "$lbhost" u "$vip:9" 10.1.1.2:9
	mark_to "$lbhost" "$vip"
	# IPVS leaves pings alone; netfilter's own translation balances them.
	in_ns "$lbhost" nft -f - <<-NFT
		table ip pings {
			chain prerouting {
				type nat hook prerouting priority dstnat;
				ip daddr $vip icmp type echo-request dnat to 10.1.1.2
			}
		}
	NFT

	overlay "$gwhost" 4 "$2"
	if [ -n "$ip_inside" ]; then
		gw=$gwhost
	else
		attach_vm "$gw" "$gwhost" "br$2" "tap-gw-$1" 10.1.1.1/24
		ip -n "$gw" link set eth0 address "$gw_mac"
	fi
	link "$client" to-gw 200.1.2.2/24 "$gw" to-client 200.1.2.1/24
	ip -n "$client" route add 10.1.1.0/24 via 200.1.2.1
	ip -n "$gw" route add 200.1.1.0/24 via 200.1.2.2
	forwarding "$gw"

	overlay "$rshost" 4 "$2"
	attach_vm "$rs" "$rshost" "br$2" "tap_$1" 10.1.1.2/24
	ip -n "$rs" link set eth0 address "$rs_mac"
	ip -n "$rs" route add default via 10.1.1.1
	[ -z "$ip_inside" ] || {
		ip -n "$rshost" link set "tap_$1" address "$gw_mac"
		replies_by "$rs" "$gwhost"
	}
	start_server "$rs" "$work/server-$1.log"
	start_server "$client" "$work/client-$1.log"
	worker answer "$rs" 9
}

# A client takes the same port again and again; its own kernel must not keep it for a minute (TIME-WAIT).
ports_are_free_at_once() {
	local client
	for client in "$client_a" "$client_b"; do in_ns "$client" sysctl -qw net.ipv4.tcp_max_tw_buckets=0; done
}

# The module's configuration, until both balancers' hosts mark.
tenants_configure() {
	local host tenant
	for host in "$lbhost_a" "$lbhost_b"; do
		ctl "$host" mark add "$first_mark"
		pair_hosts "$host" "$(vtep "$host" 4)" "$rshost" "$(vtep "$rshost" 4)"
	done
	for tenant in a b; do check "the server's host becomes ready" wait_until 15 tenant_ready "$tenant"; done
}

# Of MPLS an endpoint is found by the first request.
tenant_ready() { # NAME
	local lbhost=lbhost_$1 client=client_$1
	peer_ready "${!lbhost}" "$(vtep "$rshost" 4)" && return 0
	in_ns "${!client}" curl -s -m 1 "http://$vip/" || true
	peer_ready "${!lbhost}" "$(vtep "$rshost" 4)"
}

# Both tenants' servers are reached through their tunnels.
tenants_reach() {
	local tenant name gw=gw
	[ -z "$ip_inside" ] || gw=gwhost
	for tenant in a b; do
		for name in "lbhost_$tenant" "${gw}_$tenant"; do
			wait_until 30 in_ns "${!name}" curl -s -f -m 3 http://10.1.1.2/
		done
	done
}

# All that the server's host sends, at its port of the switch.
watch() { # NAME
	capture_start "$switch" p2 "$work/$1" "$(any_tunnel_filter) and $(outer_from "$rshost" 4)"
}

watched() { # NAME
	capture_settle "$work/$1" "$rshost" "$(vtep "$gwhost_a" 4)"
	capture_stop "$work/$1"
}

# Packets that the server's host has sent to a host, in a network.
sent() { # NAME HOST VNI [FILTER]
	capture_count "$work/$1" "$(outer_to "$2" 4) and $(network_filter 4 "$3") ${4:+and $4}"
}

# Inner packets, by filters.
inner_protocol() { echo "$(inner_byte 4 0) = 0x45 and $(inner_byte 4 9) = $1"; }
# shellcheck disable=SC2034 # the scenarios use them
{
	tcp_from_80="$(inner_protocol 6) and $(inner_byte 4 20 2) = 80"
	udp_from_9="$(inner_protocol 17) and $(inner_byte 4 20 2) = 9"
	echo_request="$(inner_protocol 1) and $(inner_byte 4 20) = 8"
	echo_reply="$(inner_protocol 1) and $(inner_byte 4 20) = 0"
	inner_from_server="$(inner_byte 4 12 4) = 0x0a010102"
}

download() { # CLIENT BYTES PORT
	local got
	got=$(in_ns "$1" curl -s -S -f -m 60 --local-port "$3" "http://$vip/bytes/$2" | sha256sum)
	equal "${got%% *}" "$(pattern_sum "$2")"
}

ping_vip() { # CLIENT ID
	worker packets "$1" ping "$vip" "$2" 2
}
