#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Ports: the balancer is a virtual machine, and so is the real server. Neither machine has anything of ours, nor a rule that
# marks packets: the host knows the balancer's port and its own addresses, and takes what leaves it for others as requests.
# At the server's host replies go from the server's port straight into the tunnel ("direct").
#
#   client --> lb [IPVS] - tap1 [classify] br100 lbhost [second mark] ==VXLAN==> rshost br100 - tap0 --> rs
#   client <-- lb <------- tap1 - br100 lbhost <===============================- rshost [direct] tap0 <- rs
#      ^                                                                          |
#      +---- gwhost <============ the way of rs's default route, without us ======+
#
#   client 200.1.1.2, 2001:db8:c1::2     underlay 172.18.10.N, 2001:db8:18::N: lbhost .1, rshost .2, gwhost .3
#   lb     VIP 198.51.100.10, 2001:db8:51::10; 10.1.1.254, 2001:db8:10::254 in network 100
#   rs     10.1.1.2, 2001:db8:10::2; its gateway is gwhost's 10.1.1.1
#
# The tunnel is TUNNEL's: VXLAN, Geneve or GRE.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/main-job.sh"

large=${LARGE:-1000000}
log=$work/server.log
vip4=198.51.100.10 vip4_other=198.51.100.12 vip6=2001:db8:51::10
own=10.1.1.0/24,2001:db8:10::/64,$vip4,$vip4_other,$vip6
services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")

network() {
	local host
	# shellcheck disable=SC2086 # GRE has two modules
	require $tunnel_module ip_vs ip_vs_rr nf_tables bridge veth nf_conntrack
	underlay_switch
	setup_ns client lb lbhost rshost gwhost rs
	underlay_host "$lbhost" 1
	underlay_host "$rshost" 2
	underlay_host "$gwhost" 3
	client_links "$lb"
	for host in "$lb" "$gwhost"; do forwarding "$host"; done
	for host in "$lbhost" "$rshost" "$gwhost"; do overlay "$host" "$1" 100; done
	balancer_appears
	in_ns "$rshost" sh -c "echo 400 > /sys/class/net/br100/bridge/ageing_time"
	attach_vm "$rs" "$rshost" br100 tap0 "10.1.1.2/24 2001:db8:10::2/64"
	batch "$rs" "route add default via 10.1.1.1" "route add default via 2001:db8:10::1"
	add_addresses "$gwhost" br100 "10.1.1.1/24 2001:db8:10::1/64"
	add_addresses "$lb" lo "$vip4/32 $vip4_other/32 $vip6/128"
	for pair in t:80 u:7; do
		service "$lb" "${pair%:*}" "$vip4:${pair#*:}" "10.1.1.2:${pair#*:}"
		service "$lb" "${pair%:*}" "[$vip6]:${pair#*:}" "[2001:db8:10::2]:${pair#*:}"
	done
}

balancer_appears() { attach_vm "$lb" "$lbhost" br100 tap1 "10.1.1.254/24 2001:db8:10::254/64"; }

row_is() { # PROTOCOL NUMBER SERVER PORT CLIENT FAMILY
	session_row_is "${@:1:5}" "$(mac_of "$lb" eth0) $(vtep "$lbhost" "$6") 100"
}

ready_now() { # FAMILY
	peer_ready "$lbhost" "$(vtep "$rshost" "$1")" && return 0
	http_get "$client" "$vip4" 1 > /dev/null 2>&1 || true
	peer_ready "$lbhost" "$(vtep "$rshost" "$1")"
}

port_field() { # HOST EXPRESSION
	ctl_json "$1" -s port list | jq -r "$2"
}

works() { # WHAT : one small request
	check "a request is answered: $1" equal "$(http_get "$client" "$vip4" 2>&1 || true)" 200.1.1.2
}

# A reply long enough that most of its packets neither begin nor end anything.
direct_grows() { # BY : does a download's reply go directly?
	local before
	before=$(stat_of "$rshost" direct)
	http_download "$client" "$vip4" "$large" || return 1
	stat_grew "$rshost" direct "$before" "$1"
}

direct_stays() { # WHAT : the download works, and nothing of it goes directly
	local before
	before=$(stat_of "$rshost" direct)
	check "a download arrives: $1" http_download "$client" "$vip4" "$large"
	check "and nothing of it went directly" equal "$(stat_of "$rshost" direct)" "$before"
}

# --- the balancer's port -------------------------------------------------------

balancer_port() { # FAMILY
	local family=$1 wire=$work/wire-$1 before marked
	ctl "$lbhost" port add tap1 --balancer --own "$own"
	check "the port is there" equal "$(port_field "$lbhost" '.[0] | "\(.dev) \(.balancer) \(.direct) \(.devices[0].name)"')" \
		"tap1 true false tap1"
	pair_hosts "$lbhost" "$(vtep "$lbhost" "$family")" "$rshost" "$(vtep "$rshost" "$family")"
	check "the server's host becomes ready (IPv$family)" wait_until 15 ready_now "$family"
	check "there is no mark rule" equal "$(ctl_json "$lbhost" mark list | jq length)" 0

	in_ns "$lbhost" nft -f - <<-NFT
		table inet watch { chain out { type filter hook output priority 300; meta mark != 0 counter comment "fwmarks"; }; }
	NFT
	capture_start "$switch" p2 "$wire" "$(tunnel_filter "$family")"
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		service_works "$vip over IPv$family, behind a balancer's port" "$vip" "$server" "$seen" "$large" "$family"
	done
	capture_stop "$wire"
	check "$second_mark is on the wire" \
		at_least "$(capture_count "$wire" "$(flags_filter "$family" "$second_mark") and not $(probe_filter "$family")")" 50
	check "its packets were taken for requests" at_least "$(port_field "$lbhost" '.[0].devices[0].balanced_packets')" 50
	check "no packet has a fwmark for it" equal "$(in_ns "$lbhost" nft list table inet watch | grep -o 'packets [0-9]*')" "packets 0"

	# What the balancer says for itself: a health check.
	before=$(stat_of "$rshost" received_marked) marked=$(stat_of "$lbhost" marked)
	check "the balancer's own request is answered" equal "$(http_get "$lb" 10.1.1.2)" 10.1.1.254
	check "the balancer's own request is not marked" \
		equal "$(stat_of "$lbhost" marked) $(stat_of "$rshost" received_marked)" "$marked $before"
}

# A port is remembered while its device is not there, and known by its name, a pattern or a group.
remembered() {
	ip -n "$lbhost" link del tap1
	check "the port stays without its device" equal "$(port_field "$lbhost" '.[0] | "\(.dev) \(.devices | length)"')" "tap1 0"
	balancer_appears
	wait_until 10 http_get "$lb" 10.1.1.2 1
	works "the device is there again"
	ctl "$lbhost" port add 'tap*' --balancer --own "$own"
	ctl "$lbhost" port del tap1
	check "a pattern fits it" equal "$(port_field "$lbhost" '.[0] | "\(.dev) \(.devices[0].name)"')" "tap* tap1"
	works "its port is a pattern"
	ctl "$lbhost" port add --group 7 --balancer --own "$own"
	ctl "$lbhost" port del 'tap*'
	check "without a port that fits nobody is answered" not http_get "$client" "$vip4" 1
	ip -n "$lbhost" link set tap1 group 7
	works "its port is a group"
	batch "$lbhost" "link set tap1 down" "link set tap1 name vm1" "link set vm1 up"
	wait_until 10 http_get "$lb" 10.1.1.2 1
	works "the device has another name"
	check "and the port shows it" equal "$(port_field "$lbhost" '.[0] | "\(.group) \(.devices[0].name)"')" "7 vm1"
	batch "$lbhost" "link set vm1 down" "link set vm1 name tap1" "link set tap1 up"
	wait_until 10 http_get "$lb" 10.1.1.2 1
	ctl "$lbhost" pause mark
	check "paused, the port marks nothing" not http_get "$client" "$vip4" 1
	ctl "$lbhost" resume all
	works "resumed"
}

# --- the server's port ---------------------------------------------------------

# Of the outer packets that its host sent.
identifications() {
	tcpdump -n -x -r "$work/direct" "src host 172.18.10.2" 2> /dev/null | awk '$1 == "0x0000:" { print $4 }'
}

# Prints how many were answered, each before the next was sent; the first that is not ends it.
datagrams() { # COUNT
	in_ns "$client" python3 -c 'import itertools, socket, sys
address, count = sys.argv[1], int(sys.argv[2])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(10)
    sock.connect((address, 7))
    def answered(number):
        sock.send(b"number %d" % number)
        try:
            return sock.recv(65535).endswith(b" number %d" % number)
        except TimeoutError:
            return False
    print(sum(1 for _ in itertools.takewhile(answered, range(count))))' "$vip4" "$1"
}

server_port() { # FAMILY
	local sent before
	direct_stays "no port is direct"
	ctl "$rshost" port add tap0 --direct --vni 100
	check "replies go directly" direct_grows 20
	# What the way past everything must not lose: the numbers of the tunnel's own device.
	before=$(stat_of "$rshost" direct)
	sent=$(tunnel_sent)
	capture_start "$switch" p2 "$work/direct" "($(tunnel_filter "$1")) or udp dst port 2"
	check "an upload, a download and datagrams arrive" service_works_all "$1"
	# A download is as many packets as offloads make of it; these are one each, and more than are reserved at once.
	check "a hundred datagrams are answered, one after another" equal "$(datagrams 100)" 100
	capture_settle "$work/direct" "$rshost" "$(vtep "$lbhost" "$1")"
	capture_stop "$work/direct"
	[ "$1" = 6 ] || {
		check "packets of the server's host have identifications" at_least "$(identifications | wc -l)" 100
		check "and no two the same" equal "$(identifications | sort | uniq -d)" ""
	}
	check "the tunnel's device has counted what went directly" \
		at_least $(($(tunnel_sent) - sent)) $(($(stat_of "$rshost" direct) - before))
	check "the port tells how many" at_least "$(port_field "$rshost" '.[0].devices[0].direct_packets')" 20
	check "connections are opened and closed where the bridge sees it" \
		at_least "$(in_ns "$rshost" nft list table bridge watch | grep -o 'packets [0-9]*' | sed 's/packets //')" 2
}

# The one that leads to the balancer's host.
tunnel_device() {
	[ "$tunnel" = vxlan ] && echo vx100 || echo tn100-1
}

tunnel_sent() {
	ip -n "$rshost" -s -j link show "$(tunnel_device)" | jq '.[0].stats64.tx.packets'
}

# Beside the checks of each service, for a single one that may fail.
service_works_all() { # FAMILY
	http_upload "$client" "$vip4" "$large" && http_download "$client" "$vip6" "$large" &&
		[ "$(udp_echo "$client" "$vip4" direct)" = "200.1.1.2 direct" ]
}

# The bridge knows where the server is, although it sees next to nothing of it: requests are not flooded.
learning() {
	in_ns "$client" curl -s -m 30 "http://$vip4/drip/70" > "$work/drip" &
	local pid=$! before
	wait_until 10 knows_server
	before=$(stat_of "$rshost" direct)
	while kill -0 "$pid" 2> /dev/null; do
		knows_server || {
			echo "the bridge has forgotten the server" && in_ns "$rshost" bridge -s fdb show br br100 && return 1
		}
		sleep 0.2
	done
	wait "$pid"
	stat_grew "$rshost" direct "$before" 5 && equal "$(tail -n 1 "$work/drip")" 69
}

knows_server() { in_ns "$rshost" bridge fdb show br br100 dynamic | grep -q "^$(mac_of "$rs" eth0) dev tap0"; }

isolated() {
	batch "$rshost" "link set tap0 type bridge_slave isolated on"
	wait_until 10 direct_pauses
	direct_stays "the port is isolated"
	check "the tool says so" grep -q 'nothing goes directly' <<< "$(port_field "$rshost" '.[0].devices[0].warnings[0]')"
	batch "$rshost" "link set tap0 type bridge_slave isolated off"
	check "and they go again" direct_grows 20
}

# The bridge lets the server in by one of its addresses only: what it lets in of that says nothing of the other.
spoofing() {
	local pid
	add_addresses "$rs" eth0 10.1.1.9/24
	service "$lb" u "$vip4_other:7" 10.1.1.9:7
	check "another address of the server answers" equal "$(udp_echo "$client" "$vip4_other" first)" "200.1.1.2 first"
	in_ns "$rshost" nft 'table bridge spoof { chain pre { type filter hook prerouting priority -300; iifname tap0 ip saddr 10.1.1.9 drop; }; }'
	datagrams 100000 > /dev/null &
	pid=$!
	check "replies go directly meanwhile" wait_until 10 direct_counts
	check "the address that the bridge does not let in does not answer" not udp_echo "$client" "$vip4_other" dropped 3
	check "replies have gone directly all the time" direct_counts
	kill "$pid"
	wait "$pid" 2> /dev/null || true
	in_ns "$rshost" nft delete table bridge spoof
	check "without the rule it does" equal "$(udp_echo "$client" "$vip4_other" last)" "200.1.1.2 last"
	ip -n "$rs" addr del 10.1.1.9/24 dev eth0
}

# More of them within a second.
direct_counts() {
	local before
	before=$(stat_of "$rshost" direct)
	wait_until 2 stat_grew "$rshost" direct "$before" 5
}

# Whoever guards the port sees every packet: then none goes past him.
guarded() {
	# Tunnels of one other end each are isolated from each other, and this port would be from them.
	[ "$tunnel" != vxlan ] || isolated

	require nf_conntrack_bridge
	in_ns "$rshost" nft -f - <<-NFT
		table bridge guard {
			chain forward { type filter hook forward priority 0; ct state invalid drop; ct state established,related,new accept; drop; }
		}
	NFT
	wait_until 10 direct_pauses
	direct_stays "the bridge follows connections"
	check "the tool says so" grep -q conntrack <<< "$(ctl "$rshost" status)"
	in_ns "$rshost" nft delete table bridge guard
	modprobe -q -r nf_conntrack_bridge || true
	check "and they go again" wait_until 10 direct_grows 20

	# Rules without conntrack, of the whole namespace's bridges: a reply that they would drop is not let past them.
	in_ns "$rshost" nft 'table bridge guard { chain forward { type filter hook forward priority 0; udp sport 7 drop; }; }'
	check "what the bridge's rules drop is not answered" wait_until 10 not udp_echo "$client" "$vip4" dropped 1
	direct_stays "the bridge has rules"
	check "status says so" grep -q "others look at what bridges forward" <<< "$(ctl "$rshost" status)"
	ctl "$rshost" port replace tap0 --vni 100
	check "nor is it where the bridge steers" not udp_echo "$client" "$vip4" dropped 1
	ctl "$rshost" port replace tap0 --vni 100 --direct
	in_ns "$rshost" nft delete table bridge guard
	check "without them status does not" not grep -q "others look at" <<< "$(ctl "$rshost" status)"
	check "and it is answered" equal "$(udp_echo "$client" "$vip4" allowed)" "200.1.1.2 allowed"
	check "and they go again" wait_until 10 direct_grows 20
	spoofing

	# What is in the tunnel device's queue is shared fairly: the driver is not overtaken.
	in_ns "$rshost" tc qdisc add dev "$(tunnel_device)" root pfifo limit 1000
	case $tunnel in
	vxlan) direct_stays "the tunnel's device has a queue" ;;
	*) check "a download arrives through the queue of the tunnel's device" http_download "$client" "$vip4" "$large" ;;
	esac
	in_ns "$rshost" tc qdisc del dev "$(tunnel_device)" root
	check "and they go again" direct_grows 20
}

# A connection that was there before goes on past the bridge for a second at most.
direct_pauses() {
	local before
	before=$(stat_of "$rshost" direct)
	http_download "$client" "$vip4" 100000 || return 1
	[ "$(stat_of "$rshost" direct)" = "$before" ]
}

# The bridge lets nothing in: then nothing goes past it either.
disabled() {
	in_ns "$rshost" bridge link set dev tap0 state 0
	check "a port that the bridge has switched off sends nothing, within a second or two" wait_until 5 silent
	in_ns "$rshost" bridge link set dev tap0 state 3
	check "switched on, it does" wait_until 20 http_get "$client" "$vip4" 2
}

silent() { ! http_get "$client" "$vip4" 1; }

# The operator's word on the network counts more than what the bridge shows.
other_network() {
	local before
	before=$(stat_of "$rshost" rewritten)
	ctl "$rshost" port replace tap0 --direct --vni 200
	direct_stays "the port is another network's"
	check "its replies are found where the tunnel's header says the network" stat_grew "$rshost" rewritten "$before" 20
	ctl "$rshost" port replace tap0 --direct
	check "by the bridge's network they go again" direct_grows 20
}

# What comes from a machine is never believed.
never_believed() { # FAMILY
	local recorded untrusted
	recorded=$(stat_of "$rshost" recorded) untrusted=$(stat_of "$rshost" untrusted)
	ctl "$rshost" port add eth0
	check "marks that come in by a port record nothing" not http_get "$client" "$vip4" 1
	check "they are counted" stat_grew "$rshost" untrusted "$untrusted"
	check "no session was made" equal "$(stat_of "$rshost" recorded)" "$recorded"
	ctl "$rshost" port del eth0
	works "the underlay's device is no port any more"
}

# A device goes, and a driver that was loaded after the module unlinks it from its own once more: it is no port any more.
vanishing() {
	local name
	require vrf 8021q
	ctl "$lbhost" port add 'vp?' --balancer
	batch "$lbhost" "link add vrf1 type vrf table 10" "link set vrf1 up"
	for name in vp0 vp1; do batch "$lbhost" "link add $name type veth peer name x$name" "link set $name up"; done
	batch "$lbhost" "link set vp0 master vrf1" "link add vp1.5 link vp1 type vlan id 5" "link set vp1.5 up"
	check "they are ports" equal "$(port_field "$lbhost" '[.[] | select(.dev == "vp?").devices[].name] | sort | join(" ")')" "vp0 vp1"
	batch "$lbhost" "link del vp0" "link del vp1"
	check "and none is when they are gone" equal "$(port_field "$lbhost" '[.[] | select(.dev == "vp?").devices[].name] | join(" ")')" ""
	ctl "$lbhost" port del 'vp?'
	ip -n "$lbhost" link del vrf1
}

family=${FAMILIES:-4}
family=${family%% *}
network "$family"
start_server "$rs" "$log"
wait_until 10 http_get "$lb" 10.1.1.2 1
wait_until 10 http_get "$lb" 2001:db8:10::2 1
no_answers "without the module (IPv$family)"
# Drivers that come later are told of devices later.
modprobe -q -r vrf || true
modprobe -q -r 8021q || true
load_module
vanishing
balancer_port "$family"
remembered
in_ns "$rshost" nft -f - <<-NFT
	table bridge watch { chain pre { type filter hook prerouting priority -300; iifname tap0 tcp flags & (fin | syn | rst) != 0 counter; }; }
NFT
server_port "$family"
check "the bridge does not forget the server" learning
guarded
disabled
other_network
never_believed "$family"
ctl "$lbhost" port flush
check "without its port nobody is answered" not http_get "$client" "$vip4" 1
check "the hook went with it" equal "$(ctl_json "$lbhost" status | jq -r '[.hooks[] | select(test("^netdev/.*/2147483646$"))] | length')" 0
topology vm "$matrix_row" "$family" 4 6
unload_module
finish
