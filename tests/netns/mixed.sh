#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Several types of tunnel at once. One server, two balancers: one's host reaches the server's by VXLAN, the other's by
# VXLAN, GRE and Geneve, all of them ports of one bridge at the server's host, and all of one network.
#
#   client 200.1.1.2 -- lb1 .1 [br100 10.1.1.251] ==+ GRE, Geneve, VXLAN 100 +== rshost .2 [br100] -- rs 10.1.1.2
#          200.1.2.2 -- lb2 .4 [br100 10.1.1.254] ==+ VXLAN 100 =============+      |
#                    gwhost .3 [br100 10.1.1.1] ====+ VXLAN 100 =============+      + the way of rs's default route:
#                                                                                     nowhere
# By which of its tunnels lb1 reaches the server its bridge says, by an entry that stays.
#
# Both balancers work at once. Replies that are not steered, but corrected in the tunnel that they leave in, cannot get
# into one of another type. A download goes on while lb1 changes its tunnel from VXLAN to GRE to Geneve.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/transfer.sh"

vip1=198.51.100.1 vip2=198.51.100.2
log=$work/server.log
declare -A device=([vxlan]=vx100 [gre]=gre100 [geneve]=gnv100)
burst=100

# One end of the tunnels between lb1 and the server's host, beside VXLAN. All are isolated: frames that come by one
# do not leave by another, or there would be loops.
more_tunnels() { # NS OTHER
	local type lines=()
	for type in gre geneve; do
		tunnel_is "$type"
		pair_lines 100 "${device[$type]}" "$(vtep "$1" 4)" "$(vtep "$2" 4)"
	done
	tunnel_is vxlan
	batch "$1" "${lines[@]}"
	batch "$1" "link set vx100 type bridge_slave isolated on"
}

balancer() { # NS N VIP
	link "$client" "to-lb$2" "200.1.$2.2/24" "$1" front "200.1.$2.1/24"
	ip -n "$client" route add "$3" via "200.1.$2.1"
	forwarding "$1"
	ip -n "$1" addr add "$3/32" dev lo
	service "$1" t "$3:80" 10.1.1.2:80
	service "$1" u "$3:9" 10.1.1.2:9
	mark_to "$1" "$3"
}

# What lb1 sends to the server goes this way from now on.
lb1_goes_by() { # TYPE
	in_ns "$lb1" bridge fdb replace "$rs_mac" dev "${device[$1]}" master static sticky
}

row() { # SOURCE SPORT DPORT : MAC, endpoint, network and tunnel
	ctl "$rshost" -s session list --src "$1" --sport "$2" --dport "$3" | awk '$1 == 1 { print $7, $8, $9, $10 }'
}

row_of() { # NS TYPE
	echo "$(mac_of "$1" br100) $(vtep "$1" 4) 100 $2"
}

row_is() { # SOURCE SPORT DPORT NS TYPE
	equal "$(row "$1" "$2" "$3")" "$(row_of "$4" "$5")"
}

watch() { # NAME
	capture_start "$switch" p2 "$work/$1" "$(any_tunnel_filter)"
}

watched() { # NAME
	capture_settle "$work/$1" "$rshost" "$(vtep "$gwhost" 4)"
	capture_stop "$work/$1"
}

# The server's packets to a host, by their tunnel.
replies() ( # NAME HOST TYPE
	tunnel_is "$3"
	capture_count "$work/$1" "src host $(vtep "$rshost" 4) and dst host $(vtep "$2" 4) and $(network_filter 4 100) and \
		$(inner_byte 4 12 4) = 0x0a010102 and ($(inner_byte 4 20 2) = 80 or $(inner_byte 4 20 2) = 9)"
)

# Marked packets of a host, by their tunnel.
marked() ( # NAME HOST TYPE
	tunnel_is "$3"
	capture_count "$work/$1" "src host $(vtep "$2" 4) and $(flags_filter 4 "$second_mark") and \
		$(inner_byte 4 16 4) = 0x0a010102"
)

all_replies() { # NAME HOST : vxlan gre geneve
	echo "$(replies "$1" "$2" vxlan) $(replies "$1" "$2" gre) $(replies "$1" "$2" geneve)"
}

download() { # VIP BYTES PORT
	local got
	got=$(in_ns "$client" curl -s -S -f -m 60 --local-port "$3" "http://$1/bytes/$2" | sha256sum)
	equal "${got%% *}" "$(pattern_sum "$2")"
}

# The second balancer's flows have the next port.
ask_both() { # PORT SECONDS
	worker packets "$client" ask "$vip1" 9 "$1" "$burst" "$2" + "$client" ask "$vip2" 9 $(($1 + 1)) $((burst - 1)) "$2"
}

both_at_once() { # TYPE PORT
	local name=both-$1 port=$2 jobs=() status_1=0 status_2=0
	local -A of=([vxlan]=0 [gre]=0 [geneve]=0)
	lb1_goes_by "$1"
	watch "$name"
	download "$vip1" 1000000 "$port" > "$work/out-1" 2>&1 &
	jobs+=($!)
	download "$vip2" 1100000 $((port + 1)) > "$work/out-2" 2>&1 &
	jobs+=($!)
	wait "${jobs[0]}" || status_1=$?
	wait "${jobs[1]}" || status_2=$?
	check "a download by the balancer over $1" eval "cat $work/out-1; [ $status_1 = 0 ]"
	check "and one by the balancer over VXLAN" eval "cat $work/out-2; [ $status_2 = 0 ]"
	check "datagrams by both are answered" equal "$(ask_both "$port" 5)" \
		"$burst $burst"$'\n'"$((burst - 1)) $((burst - 1))"
	watched "$name"
	check "the server saw the client's addresses" \
		equal "$(grep -c -e "^tcp 200.1.1.2 $port 10.1.1.2 GET" -e "^tcp 200.1.2.2 $((port + 1)) 10.1.1.2 GET" "$log")" 2
	check "rows of the first balancer say $1" row_is 200.1.1.2 "$port" 80 "$lb1" "$1"
	check "for UDP, too" row_is 200.1.1.2 "$port" 9 "$lb1" "$1"
	check "rows of the second say VXLAN" row_is 200.1.2.2 $((port + 1)) 80 "$lb2" vxlan
	check "for UDP, too" row_is 200.1.2.2 $((port + 1)) 9 "$lb2" vxlan
	check "requests over $1 are marked" at_least "$(marked "$name" "$lb1" "$1")" 10
	check "those over VXLAN, too" at_least "$(marked "$name" "$lb2" vxlan)" 10
	of[$1]=$(replies "$name" "$lb1" "$1")
	check "replies go to the first balancer over $1" at_least "${of[$1]}" "$burst"
	check "and over nothing else" equal "$(all_replies "$name" "$lb1")" "${of[vxlan]} ${of[gre]} ${of[geneve]}"
	check "to the second over VXLAN" at_least "$(replies "$name" "$lb2" vxlan)" $((burst - 1))
	check "to the server's gateway goes none" equal "$(all_replies "$name" "$gwhost")" "0 0 0"
}

# Without steering a reply leaves by the server's own way, which is VXLAN; in that, it can be corrected to another
# endpoint, but not to another type.
type_stays() { # TYPE PORT
	local name=stays-$1 failed rewritten
	lb1_goes_by "$1"
	ctl "$rshost" pause steer
	failed=$(stat_of "$rshost" rewrite_failed) rewritten=$(stat_of "$rshost" rewritten)
	watch "$name"
	check "without steering only the balancer over VXLAN is answered ($1)" equal "$(ask_both "$2" 1)" \
		"0 0"$'\n'"$((burst - 1)) $((burst - 1))"
	watched "$name"
	check "its replies were corrected" stat_grew "$rshost" rewritten "$rewritten" $((burst - 1))
	check "those of the balancer over $1 could not be" stat_grew "$rshost" rewrite_failed "$failed" "$burst"
	check "they went their ordinary way" equal "$(all_replies "$name" "$gwhost")" "$burst 0 0"
	check "and not to any balancer" equal "$(all_replies "$name" "$lb1")" "0 0 0"
	ctl "$rshost" resume all
}

# The server's packets keep coming, by what has come so far.
goes_on() {
	wait_until 30 has_come $(($(stat -c %s "$work/got") + 500000))
}

download_changes_tunnels() {
	local name=changes moved type before
	sport=40001
	lb1_goes_by vxlan
	watch "$name"
	begin_download "$vip1"
	check "a download begins over VXLAN" row_is 200.1.1.2 "$sport" 80 "$lb1" vxlan
	for type in gre geneve; do
		moved=$(stat_of "$rshost" moved)
		lb1_goes_by "$type"
		check "its balancer goes over to $type: the row says so" wait_until 10 row_is 200.1.1.2 "$sport" 80 "$lb1" "$type"
		check "the session moved once" equal "$(stat_of "$rshost" moved)" $((moved + 1))
		check "the download goes on" goes_on
	done
	end_download
	watched "$name"
	for type in vxlan gre geneve; do
		check "much of it came over $type" at_least "$(replies "$name" "$lb1" "$type")" 20
	done
	check "nothing of it went to the server's gateway" equal "$(all_replies "$name" "$gwhost")" "0 0 0"
	check "nor to the other balancer" equal "$(all_replies "$name" "$lb2")" "0 0 0"
}

# The driver makes gretap0 in each namespace. It leads nowhere: such a host has nothing of GRE.
gretap0_is_no_tunnel() {
	check "the second balancer's host has gretap0" ip -n "$lb2" link show gretap0
	check "it asks the server's host over VXLAN alone" \
		equal "$(ctl_json "$lb2" peer list | jq -r '[.[].endpoints[].tunnel] | join(" ")')" vxlan
	check "the first asks it over all its types" \
		equal "$(ctl_json "$lb1" peer list | jq -r '[.[].endpoints[].tunnel] | sort | join(" ")')" "geneve gre vxlan"
}

require vxlan geneve ip_gre ip_vs ip_vs_rr nf_tables bridge veth nf_conntrack
underlay_switch
setup_ns client lb1 lb2 rshost gwhost rs
underlay_host "$lb1" 1
underlay_host "$rshost" 2
underlay_host "$gwhost" 3
underlay_host "$lb2" 4
tunnel_is vxlan
for host in "$lb1" "$rshost" "$gwhost" "$lb2"; do overlay "$host" 4 100; done
more_tunnels "$lb1" "$rshost"
more_tunnels "$rshost" "$lb1"
add_addresses "$lb1" br100 10.1.1.251/24
add_addresses "$lb2" br100 10.1.1.254/24
add_addresses "$gwhost" br100 10.1.1.1/24
attach_vm "$rs" "$rshost" br100 tap0 10.1.1.2/24
ip -n "$rs" route add default via 10.1.1.1
rs_mac=$(mac_of "$rs" eth0)
balancer "$lb1" 1 "$vip1"
balancer "$lb2" 2 "$vip2"
start_server "$rs" "$log"
worker_start
worker answer "$rs" 9
load_module
for host in "$lb1" "$lb2"; do
	ctl "$host" mark add "$first_mark"
	ctl "$host" peer replace "$(vtep "$rshost" 4)" --send --accept
	ctl "$rshost" peer replace "$(vtep "$host" 4)" --accept
done
for host in "$lb1" "$lb2"; do
	check "the server's host is ready for all that a balancer's has" wait_until 15 peer_ready "$host" "$(vtep "$rshost" 4)"
done
gretap0_is_no_tunnel
wait_until 30 http_get "$gwhost" 10.1.1.2 3
for host in "$lb1" "$lb2"; do wait_until 30 http_get "$host" 10.1.1.2 3; done
both_at_once gre 41000
both_at_once geneve 42000
cell mixed 4 4 on
type_stays gre 43000
type_stays geneve 44000
download_changes_tunnels
finish
