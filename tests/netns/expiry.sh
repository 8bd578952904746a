#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How sessions end. The states and their timeouts; expired is absent at once, before the collector comes; a stream that
# only the server feeds lives on; dead paths; the limits of the whole table and of one network, and what is evicted for
# a new session; a flood of 200,000 tuples in one network, which costs no established session and nothing of another
# network; sessions entered and deleted by hand under real requests.
#
#   lbhost  br100 10.1.1.254, client 200.1.1.2 ---- .1 ---+
#           (real requests; crafted ones leave eth0)      |
#   rshost  br100 --- rs   10.1.1.2  (VNI 100)   ---- .2 --+-- switch, 172.18.10.N
#           br200 --- rs2  10.1.1.2  (VNI 200)            |
#   gwhost  the servers' gateway: what comes here is lost  .3 ---+
#
# The client is an address of lbhost itself; nftables gives its packets the first mark. That the way there is translated
# by a balancer does not matter here (see nat.sh), only that the servers' default route leads elsewhere.
. "$(dirname "$0")/lib.sh"

gateway=02:00:00:00:00:01
SLOW=${SLOW:-1}

http_from() { # PORT SECONDS : a request from that port
	in_ns "$lbhost" curl -s -S -f -m "$2" --interface 200.1.1.2 --local-port "$1" http://10.1.1.2/
}

by_hand() { # COMMAND PORT [OPTIONS…] : session add or del of the request from that port
	ctl "$rshost" session "$1" --src 200.1.1.2 --sport "$2" --dst 10.1.1.2 --dport 80 --proto tcp --vni 100 "${@:3}"
}

rows() { # JQ FILTER [ARGUMENTS…]
	ctl_json "$rshost" -s session list "${@:2}" | jq -c "$1"
}

lbhost_ready() {
	peer_ready "$lbhost" 172.18.10.2 && return 0
	http_from 39999 1 > /dev/null 2>&1 || true
	peer_ready "$lbhost" 172.18.10.2
}

flood=$top/build/bin/flood
[ -x "$flood" ] || { flood=$work/flood && gcc -O2 -o "$flood" "$netns_dir/flood.c"; }
require vxlan bridge veth nf_tables
underlay_switch
setup_ns lbhost rshost gwhost rs rs2
underlay_host "$lbhost" 1
underlay_host "$rshost" 2
underlay_host "$gwhost" 3
overlay "$lbhost" 4 100
overlay "$rshost" 4 100
overlay "$rshost" 4 200
attach_vm "$rs" "$rshost" br100 tap0 10.1.1.2/24
attach_vm "$rs2" "$rshost" br200 tap1 10.1.1.2/24
add_addresses "$lbhost" br100 10.1.1.254/24
add_addresses "$lbhost" lo 200.1.1.2/32
# The servers' gateway is one MAC behind gwhost, known to all: nothing is flooded to where it does not belong.
for vni in 100 200; do
	in_ns "$rshost" bridge fdb add "$gateway" dev "vx$vni" dst 172.18.10.3 self static
	in_ns "$rshost" bridge fdb add "$gateway" dev "vx$vni" master static
done
ip -n "$rs" neigh add 10.1.1.1 lladdr "$gateway" dev eth0
ip -n "$rs" route add default via 10.1.1.1
in_ns "$lbhost" nft -f - <<- NFT
	table inet first_mark {
		chain output {
			type filter hook output priority mangle;
			ip saddr 200.1.1.2 meta mark set $first_mark
		}
	}
NFT
start_server "$rs" "$work/server.log"
load_module
ctl "$lbhost" mark add "$first_mark"
pair_hosts "$lbhost" 172.18.10.1 "$rshost" 172.18.10.2
check "the server's host becomes ready" wait_until $((20 * SLOW)) lbhost_ready

# By hand, with real requests: while nothing is recorded, what was entered is all there is.
check "a request is answered" equal "$(http_from 40000 $((10 * SLOW)) || true)" 200.1.1.2
check "by its session" equal "$(rows '[.[].src_port]' --sport 40000)" '[40000]'
ctl "$rshost" pause record
ctl "$rshost" session flush
check "flushed, there is no session" equal "$(rows length)" 0
check "a request without a session is not answered" not http_from 40001 2
by_hand add 40002 --mac "$(mac_of "$lbhost" br100)" --vtep 172.18.10.1
check "a session entered by hand has no end" equal "$(rows '[.[] | [.src_port, .expires]]')" '[[40002,null]]'
check "its request is answered" equal "$(http_from 40002 $((10 * SLOW)) || true)" 200.1.1.2
by_hand del 40002
check "deleted, it is gone" equal "$(rows length)" 0
check "and a request from there is not answered" not http_from 40002 2
ctl "$rshost" resume record
check "recorded again, requests are answered" equal "$(http_from 40003 $((10 * SLOW)) || true)" 200.1.1.2
ctl "$rshost" session flush --proto udp
check "a filter that does not match flushes nothing" equal "$(rows length --sport 40003)" 1
ctl "$rshost" session flush --proto tcp --dport 80
check "one that does flushes it" equal "$(rows length)" 0

export IPVS_TUNCTL SLOW
relay "the crafted part" /usr/bin/python3 "$netns_dir/expiry.py" "$lbhost" "$rshost" "$gwhost" "$rs" "$rs2" "$flood"
check "there were many results" at_least "$results" 70
finish
