#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two tenants with the same addresses, ports and MACs, in two networks, each with a balancer of its own; their servers
# are on one host. Neither's replies ever reach the other's balancer. And what a VM begins itself, connections and
# pings, goes the VM's own way.
#
#   client_a -- lbhost_a .1 ==+ network 100 +== rshost .2 -- rs_a 10.1.1.2
#       +------- gwhost .3 ===+             +     two bridges; or one that knows VLANs, with devices for each network,
#       +------- gwhost .3 ===+             +     or with one for both
#   client_b -- lbhost_b .4 ==+ network 200 +== rshost .2 -- rs_b 10.1.1.2     (the whole drawing: tenants-topology.sh)
#
# Last, where both are behind one bridge and one tunnel device, the servers' ports name their networks, and replies go
# directly.
#
# The tunnel is TUNNEL's. Where it carries IP packets, the tenants have a VRF each instead of a bridge. MPLS over Ethernet
# steers from none: there the first has the host's own tables, and the second, in a VRF, has a zone of his own and is not steered.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tenants-topology.sh"

burst=300

# One bridge for both tenants, that tells them apart by VLAN.
move_to_vlans() { # TUNNELS(two|one)
	local tenant name vlan vni
	case $1 in
	two)
		ip -n "$rshost" link add bre type bridge vlan_filtering 1 vlan_default_pvid 0
		ip -n "$rshost" link set bre up
		;;
	one)
		overlay_remove "$rshost" 100
		overlay_remove "$rshost" 200
		ip -n "$rshost" link del bre
		overlay_external "$rshost" 4 10:100 20:200
		;;
	esac
	for tenant in a:10:100 b:20:200; do
		IFS=: read -r name vlan vni <<< "$tenant"
		ip -n "$rshost" link set "tap_$name" master bre
		in_ns "$rshost" bridge vlan add dev "tap_$name" vid "$vlan" pvid untagged
		[ "$1" = two ] || continue
		overlay_into_vlan "$rshost" "$vni" bre "$vlan"
	done
}

# Both tenants' flows of one tuple: a row each, that differs in endpoint and network alone.
both_rows() { # SPORT DPORT NUMBER
	local expected actual
	expected=$(printf '%s\n' "$(inner_mac "$lbhost_a" 100) $(endpoint_of "$lbhost_a" 4) 100" \
		"$(inner_mac "$lbhost_b" 200) $(endpoint_of "$lbhost_b" 4) 200")
	actual=$(ctl_json "$rshost" session list --src 200.1.1.2 --sport "$1" --dst 10.1.1.2 --dport "$2" --proto "$3" |
		jq -r "sort_by(.vni) | .[] | \"\(.mac) \(.$(endpoint_column)) \(.vni)\"")
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
		equal "$(sent "$1" "$gwhost_a" 100 "($tcp_from_80 or $udp_from_9 or $echo_reply)") $(sent "$1" "$gwhost_b" 200 \
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
	check "his replies go by his server's own gateway" equal "$(sent "$name" "$gwhost_a" 100 "$udp_from_9")" 60
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
	local name=$1-own-$2 rs=rs_$2 client=client_$2 gwhost=gwhost_$2 before opening
	rs=${!rs} client=${!client} gwhost=${!gwhost}
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
		equal "$(sent "$name" "$gwhost" "$3" "$tcp_from_80 and $(inner_byte 4 22 2) = $4 and $(inner_byte 4 33) = 2")" 1
	check "so did its pings" equal "$(sent "$name" "$gwhost" "$3" "$echo_request")" 2
	check "and no balancer's host got any packet from a VM" \
		equal "$(sent "$name" "$lbhost_a" 100 "$inner_from_server") $(sent "$name" "$lbhost_a" 200 "$inner_from_server") \
$(sent "$name" "$lbhost_b" 100 "$inner_from_server") $(sent "$name" "$lbhost_b" 200 "$inner_from_server")" "0 0 0 0"
}

# The second tenant's labels lead into a VRF: his flows are recorded in his zone, and go their own way. They must not
# touch the first one's, of the same tuples.
vrf_is_left_alone() { # ROUND PORT
	local name=$1 moved
	moved=$(stat_of "$rshost" moved)
	watch "$name"
	check "the first tenant is answered ($1)" equal "$(worker packets "$client_a" ask "$vip" 9 "$2" "$burst" 5)" "$burst $burst"
	check "the second, of the same tuple, is not" equal "$(worker packets "$client_b" ask "$vip" 9 "$2" 60 1)" "0 0"
	check "both have their rows" both_rows "$2" 9 17
	check "no session has moved" equal "$(stat_of "$rshost" moved)" "$moved"
	check "the first is answered still" equal "$(worker packets "$client_a" ask "$vip" 9 "$2" 20 5)" "20 20"
	check "a download of the first arrives as its server sent it" download "$client_a" 1000000 "$2"
	watched "$name"
	check "the first balancer's host gets its tenant's replies" \
		equal "$(sent "$name" "$lbhost_a" 100 "$inner_from_server and $udp_from_9")" $((burst + 20))
	check "and not one packet of the other's server" equal "$(sent "$name" "$lbhost_a" 200 "$inner_from_server")" 0
	check "the second server's replies go to its own gateway" equal "$(sent "$name" "$gwhost_b" 200 "$udp_from_9")" 60
	check "and to no balancer" equal "$(sent "$name" "$lbhost_b" 200 "$inner_from_server") $(sent "$name" "$lbhost_b" 100 \
		"$inner_from_server")" "0 0"
	check "no reply of the first goes to his server's gateway" equal "$(sent "$name" "$gwhost_a" 100 "$udp_from_9")" 0
}

# shellcheck disable=SC2086 # GRE has two modules
require $tunnel_module ip_vs ip_vs_rr nf_tables nft_chain_nat nft_nat bridge veth nf_conntrack 8021q vrf
underlay_switch
setup_ns client_a client_b lbhost_a lbhost_b rshost gwhost_a gwhost_b rs_a rs_b gw_a gw_b
ports_are_free_at_once
underlay_host "$lbhost_a" 1
underlay_host "$rshost" 2
underlay_host "$gwhost_a" 3
underlay_host "$lbhost_b" 4
if [ -z "$ip_inside" ]; then
	gwhost_b=$gwhost_a
	rounds=("two bridges" "a device per VLAN" "one device for all VLANs")
else
	underlay_host "$gwhost_b" 5
	rounds=("two VRFs")
	overlay_vrf["$rshost 200"]="vrf-b"
	case $tunnel$carrier in
	gre | mplsgre | mplsudp) overlay_vrf["$rshost 100"]="vrf-a" ;;
	mpls) rounds=("a VRF and none") ;;
	esac
fi
worker_start
[ -z "$ip_inside" ] || underlay_hosts=("$lbhost_a" "$rshost" "$gwhost_a")
tenant a 100
[ -z "$ip_inside" ] || underlay_hosts=("$lbhost_b" "$rshost" "$gwhost_b")
tenant b 200
load_module
tenants_configure
[ "$tunnel" != mpls ] || ctl "$rshost" zone add b --vni 200

port=40000
for round in "${rounds[@]}"; do
	if [ "$round" = "one device for all VLANs" ] && reason=$(no_vlan_mapping); then
		skip "$round" "$reason"
		continue
	fi
	steered=$(stat_of "$rshost" steered) rewritten=$(stat_of "$rshost" rewritten)
	case $round in
	"a device per VLAN") move_to_vlans two ;;
	"one device for all VLANs") move_to_vlans one ;;
	esac
	tenants_reach
	port=$((port + 1))
	case $round in
	"a VRF and none") vrf_is_left_alone "$round" "$port" ;;
	*)
		both_at_once "$round" "$port"
		only_one_recorded "$round" "$port"
		;;
	esac
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
# Where a bridge cannot tell, ports do: then replies go directly, each into its own network.
if [ "$round" = "one device for all VLANs" ] && ! no_vlan_mapping > /dev/null; then
	ctl "$rshost" port add tap_a --vni 100 --direct
	ctl "$rshost" port add tap_b --vni 200 --direct
	port=$((port + 1))
	direct=$(stat_of "$rshost" direct)
	both_at_once "ports that name the networks" "$port"
	only_one_recorded "ports that name the networks" "$port"
	check "replies went directly" stat_grew "$rshost" direct "$direct" "$burst"
	ctl "$rshost" port flush
fi
topology tenants "$matrix_row" 4 4
# A VRF that goes with its namespace puts its ports down and up once more, and one whose other end has gone complains.
[ -z "$ip_inside" ] || batch "$rshost" "link set tap_a nomaster" "link set tap_b nomaster"
finish
