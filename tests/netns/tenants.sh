#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two tenants with the same addresses, ports and MACs, in two VXLAN networks, each with a balancer of its own; their
# servers are on one host. Neither's replies ever reach the other's balancer. And what a VM begins itself, connections
# and pings, goes the VM's own way.
#
#   client_a 200.1.1.2 -- lbhost_a .1 VIP, 10.1.1.254 ==+ VXLAN 100 +== rshost .2 -- rs_a 10.1.1.2
#       |                                               |           |
#       +----------- gw_a 10.1.1.1 -- gwhost .3 ========+           +   (two bridges; or one that knows VLANs, with a
#       +----------- gw_b 10.1.1.1 -- gwhost .3 ========+           +    device per network; or with one for both)
#       |                                               |           |
#   client_b 200.1.1.2 -- lbhost_b .4 VIP, 10.1.1.254 ==+ VXLAN 200 +== rshost .2 -- rs_b 10.1.1.2
. "$(dirname "$0")/lib.sh"

vip=198.51.100.10
lb_mac=02:00:00:00:0a:fe gw_mac=02:00:00:00:0a:01 rs_mac=02:00:00:00:0a:02
burst=300

tenant() { # NAME VNI : everything but the server's host
	local lbhost=lbhost_$1 client=client_$1 gw=gw_$1 rs=rs_$1
	lbhost=${!lbhost} client=${!client} gw=${!gw} rs=${!rs}
	overlay "$lbhost" 4 "$2"
	ip -n "$lbhost" link set "br$2" address "$lb_mac"
	add_addresses "$lbhost" "br$2" 10.1.1.254/24
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
	attach_vm "$gw" "$gwhost" "br$2" "tap-gw-$1" 10.1.1.1/24
	ip -n "$gw" link set eth0 address "$gw_mac"
	link "$client" to-gw 200.1.2.2/24 "$gw" to-client 200.1.2.1/24
	ip -n "$client" route add 10.1.1.0/24 via 200.1.2.1
	ip -n "$gw" route add 200.1.1.0/24 via 200.1.2.2
	forwarding "$gw"

	overlay "$rshost" 4 "$2"
	attach_vm "$rs" "$rshost" "br$2" "tap_$1" 10.1.1.2/24
	ip -n "$rs" link set eth0 address "$rs_mac"
	ip -n "$rs" route add default via 10.1.1.1
	start_server "$rs" "$work/server-$1.log"
	start_server "$client" "$work/client-$1.log"
	worker answer "$rs" 9
}

# One bridge for both tenants, that tells them apart by VLAN.
move_to_vlans() { # TUNNELS(two|one)
	local tenant name vlan vni
	case $1 in
	two)
		ip -n "$rshost" link add bre type bridge vlan_filtering 1 vlan_default_pvid 0
		ip -n "$rshost" link set bre up
		;;
	one)
		ip -n "$rshost" link del vx100
		ip -n "$rshost" link del vx200
		ip -n "$rshost" link del bre
		overlay_external "$rshost" 4 10:100 20:200
		;;
	esac
	for tenant in a:10:100 b:20:200; do
		IFS=: read -r name vlan vni <<< "$tenant"
		ip -n "$rshost" link set "tap_$name" master bre
		in_ns "$rshost" bridge vlan add dev "tap_$name" vid "$vlan" pvid untagged
		[ "$1" = two ] || continue
		ip -n "$rshost" link set "vx$vni" master bre
		in_ns "$rshost" bridge vlan add dev "vx$vni" vid "$vlan" pvid untagged
	done
}

# All that the server's host sends, at its port of the switch.
watch() { # NAME
	capture_start "$switch" p2 "$work/$1" udp and src host "$(vtep "$rshost" 4)"
}

watched() { # NAME
	capture_settle "$work/$1" "$rshost" "$(vtep "$gwhost" 4)"
	capture_stop "$work/$1"
}

# Packets that the server's host has sent to a host, in a network; inner IPv4 begins at 30 from UDP.
sent() { # NAME HOST VNI [FILTER]
	capture_count "$work/$1" "dst host $(vtep "$2" 4) and udp dst port 4789 and udp[12:4] >> 8 = $3 ${4:+and $4}"
}
tcp_from_80="udp[30] = 0x45 and udp[39] = 6 and udp[50:2] = 80"
udp_from_9="udp[30] = 0x45 and udp[39] = 17 and udp[50:2] = 9"
echo_request="udp[30] = 0x45 and udp[39] = 1 and udp[50] = 8"
echo_reply="udp[30] = 0x45 and udp[39] = 1 and udp[50] = 0"
inner_from_server="udp[42:4] = 0x0a010102"

download() { # CLIENT BYTES PORT
	local got
	got=$(in_ns "$1" curl -s -S -f -m 60 --local-port "$3" "http://$vip/bytes/$2" | sha256sum)
	equal "${got%% *}" "$(pattern_sum "$2")"
}

ping_vip() { # CLIENT ID
	worker packets "$1" ping "$vip" "$2" 2
}

# Both tenants' flows of one tuple: a row each, that differs in endpoint and network alone.
both_rows() { # SPORT DPORT NUMBER
	local expected actual
	expected=$(printf '%s\n' "200.1.1.2 $1 10.1.1.2 $2 $3 $lb_mac $(vtep "$lbhost_a" 4) 100" \
		"200.1.1.2 $1 10.1.1.2 $2 $3 $lb_mac $(vtep "$lbhost_b" 4) 200")
	actual=$(ctl "$rshost" session list --src 200.1.1.2 --sport "$1" --dport "$2" --proto "$3" |
		awk '$1 ~ /^[0-9]/ { $1 = ""; sub(/^ */, ""); $1 = $1; print }' | sort)
	equal "$actual" "$expected"
}

both_at_once() { # ROUND PORT
	local jobs=() status_a=0 status_b=0
	watch "$1"
	download "$client_a" 1000000 "$2" > "$work/out-a" 2>&1 &
	jobs+=($!)
	download "$client_b" 1100000 "$2" > "$work/out-b" 2>&1 &
	jobs+=($!)
	wait "${jobs[0]}" || status_a=$?
	wait "${jobs[1]}" || status_b=$?
	check "the first tenant's download arrives as its server sent it ($1)" eval "cat $work/out-a; [ $status_a = 0 ]"
	check "the second tenant's too, of another length" eval "cat $work/out-b; [ $status_b = 0 ]"
	check "the one tuple has a row for each tenant" both_rows "$2" 80 6
	check "each of both tenants' datagrams is answered to its sender, once" \
		equal "$(worker packets "$client_a" ask "$vip" 9 "$2" "$burst" 5 + "$client_b" ask "$vip" 9 "$2" $((burst - 1)) 5)" \
		"$burst $burst"$'\n'"$((burst - 1)) $((burst - 1))"
	check "rows for this tuple too" both_rows "$2" 9 17
	check "the first tenant's ping to the balancer is answered" ping_vip "$client_a" 8
	check "and the second's" ping_vip "$client_b" 8
	check "rows for pings too" both_rows 8 8 1
	watched "$1"
	check "the first balancer's host gets its tenant's replies" \
		at_least "$(sent "$1" "$lbhost_a" 100 "$inner_from_server and ($tcp_from_80 or $udp_from_9)")" "$burst"
	check "and not one packet of the other network's servers" equal "$(sent "$1" "$lbhost_a" 200 "$inner_from_server")" 0
	check "the second balancer's host gets its tenant's replies" \
		at_least "$(sent "$1" "$lbhost_b" 200 "$inner_from_server and ($tcp_from_80 or $udp_from_9)")" $((burst - 1))
	check "and not one packet of the other network's servers" equal "$(sent "$1" "$lbhost_b" 100 "$inner_from_server")" 0
	check "no reply goes to the servers' own gateways" \
		equal "$(sent "$1" "$gwhost" 100 "($tcp_from_80 or $udp_from_9 or $echo_reply)") $(sent "$1" "$gwhost" 200 \
			"($tcp_from_80 or $udp_from_9 or $echo_reply)")" "0 0"
}

# One tenant's flow is recorded, the other's, of the same tuple, is not: its replies are nobody's, and go their own way.
only_one_recorded() { # ROUND PORT
	local name=$1-one
	ctl "$lbhost_a" pause mark
	ctl "$rshost" session flush --vni 100
	watch "$name"
	check "the tenant with a session is answered ($1)" \
		equal "$(worker packets "$client_b" ask "$vip" 9 "$2" 50 5)" "50 50"
	check "the one without is not, though his tuple is the other's" \
		equal "$(worker packets "$client_a" ask "$vip" 9 "$2" 60 1)" "0 0"
	watched "$name"
	check "his replies go by his server's own gateway" equal "$(sent "$name" "$gwhost" 100 "$udp_from_9")" 60
	check "not to the other's balancer, in neither network" \
		equal "$(sent "$name" "$lbhost_b" 100 "$udp_from_9") $(sent "$name" "$lbhost_b" 200 "$udp_from_9")" "0 50"
	ctl "$lbhost_a" resume all
}

# A client's connection to port 81 was refused; its session lives on for a while. Then the VM connects to that client,
# from port 81 to the very port that the client had: all of this connection is the VM's own, not only its first packet.
opened_on_a_session() { # NAME TENANT PORT
	local rs=rs_$2 client=client_$2 before
	rs=${!rs} client=${!client}
	in_ns "$client" curl -s -m 5 --local-port "$3" "http://$vip:81/" || true
	check "a refused connection has a session ($1, $2)" \
		at_least "$(ctl_json "$rshost" session list --sport "$3" --dport 81 | jq length)" 1
	before="$(stat_of "$rshost" replies)"
	worker hello "$client" "$3"
	check "the VM's own connection on the tuple of that session works" \
		equal "$(worker packets "$rs" say 81 200.1.1.2 "$3")" hello
	check "and the client has heard it" equal "$(worker heard "$3")" hi
	check "nothing of it was taken for a reply" \
		equal "$(stat_of "$rshost" replies)" "$before"
	check "the client's next attempt through the balancer is answered: refused" \
		equal "$(in_ns "$client" curl -s -m 5 --local-port "$3" -o /dev/null -w '%{exitcode}' "http://$vip:81/")" 7
	check "by the balancer's way" not equal "$(stat_of "$rshost" replies)" "$before"
}

opened() { # NAME TENANT VNI PORT : what a VM begins while the flows of both_at_once are in the table
	local name=$1-own-$2 rs=rs_$2 client=client_$2 before opening
	rs=${!rs} client=${!client}
	download "$client" 1000 "$4"
	ping_vip "$client" 8
	before="$(stat_of "$rshost" replies)"
	opening=$(stat_of "$rshost" opening)
	watch "$name"
	check "the VM's own connection to a client of the service works ($1, $2)" \
		equal "$(in_ns "$rs" curl -s -S -f -m 10 http://200.1.1.2/)" 10.1.1.2
	check "the VM's own ping too, with the id of a client's ping" \
		worker packets "$rs" ping 200.1.1.2 8 2
	worker packets "$rs" syn eth0 "$gw_mac" 10.1.1.2 80 200.1.1.2 "$4"
	watched "$name"
	check "nothing of it was taken for a reply" \
		equal "$(stat_of "$rshost" replies)" "$before"
	check "its SYN from the port of a live flow was seen to open one, and so was its ping" \
		stat_grew "$rshost" opening "$opening" 3
	check "that SYN went to the VM's gateway" \
		equal "$(sent "$name" "$gwhost" "$3" "$tcp_from_80 and udp[52:2] = $4 and udp[63] = 2")" 1
	check "so did its pings" equal "$(sent "$name" "$gwhost" "$3" "$echo_request")" 2
	check "and no balancer's host got any packet from a VM" \
		equal "$(sent "$name" "$lbhost_a" 100 "$inner_from_server") $(sent "$name" "$lbhost_a" 200 "$inner_from_server") \
$(sent "$name" "$lbhost_b" 100 "$inner_from_server") $(sent "$name" "$lbhost_b" 200 "$inner_from_server")" "0 0 0 0"
}

require vxlan ip_vs ip_vs_rr nf_tables nft_chain_nat nft_nat bridge veth nf_conntrack 8021q
underlay_switch
setup_ns client_a client_b lbhost_a lbhost_b rshost gwhost rs_a rs_b gw_a gw_b
# A client takes the same port again and again; its own kernel must not keep it for a minute (TIME-WAIT).
for host in "$client_a" "$client_b"; do in_ns "$host" sysctl -qw net.ipv4.tcp_max_tw_buckets=0; done
underlay_host "$lbhost_a" 1
underlay_host "$rshost" 2
underlay_host "$gwhost" 3
underlay_host "$lbhost_b" 4
worker_start
tenant a 100
tenant b 200

load_module
for host in "$lbhost_a" "$lbhost_b"; do
	ctl "$host" mark add "$first_mark"
	pair_hosts "$host" "$(vtep "$host" 4)" "$rshost" "$(vtep "$rshost" 4)"
done
for host in "$lbhost_a" "$lbhost_b"; do
	check "the server's host becomes ready" wait_until 15 peer_ready "$host" "$(vtep "$rshost" 4)"
done

port=40000
for round in "two bridges" "a device per VLAN" "one device for all VLANs"; do
	steered=$(stat_of "$rshost" steered) rewritten=$(stat_of "$rshost" rewritten)
	case $round in
	"a device per VLAN") move_to_vlans two ;;
	"one device for all VLANs") move_to_vlans one ;;
	esac
	for tenant in a b; do
		for name in "lbhost_$tenant" "gw_$tenant"; do
			wait_until 30 in_ns "${!name}" curl -s -f -m 3 http://10.1.1.2/
		done
	done
	port=$((port + 1))
	both_at_once "$round" "$port"
	only_one_recorded "$round" "$port"
	# The tenants are alike: each has its turn.
	if [ "$round" = "a device per VLAN" ]; then
		opened "$round" b 200 "$port"
		opened_on_a_session "$round" b $((port + 100))
	else
		opened "$round" a 100 "$port"
		opened_on_a_session "$round" a $((port + 100))
	fi
	case $round in
	"one device for all VLANs") # on its bridge nobody can tell the networks apart; the tunnel header tells
		check "replies were corrected where the network is known" stat_grew "$rshost" rewritten "$rewritten" "$burst"
		check "and none steered where it is not" equal "$(stat_of "$rshost" steered)" "$steered"
		;;
	*) check "replies were steered" stat_grew "$rshost" steered "$steered" "$burst" ;;
	esac
done
finish
