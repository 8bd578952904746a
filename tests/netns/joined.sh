#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Datagrams of a tunnel that were joined on their way. The underlay's switch does not know the tunnel; its ports are told to
# join any datagrams of a UDP flow (rx-udp-gro-forwarding), or to make lists of them (rx-gro-list). What reaches the
# server's host so has one outer header, and behind it whole tunnel packets: each with a mark of its own or without one, and
# perhaps of several flows, for this tunnel sends all from one port.
#
#   client --> lbhost [mark] == one by one ==> p1 - wire0 wire1 switch == joined ==> rshost [take apart, record, clear] --> rs
#                                       (the whole drawing: nat-topology.sh)
#
# GRO joins nothing that it knows to be a tunnel's, and a packet that has come by veth has not forgotten that it is: a process
# carries frames from one device to the other, as a wire would.
#
# In each family of the underlay: a large upload, and bursts that begin with a packet of the balancer's host itself, which
# is not marked. Nothing may be lost.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

large=${LARGE:-2000000}
log=$work/server.log
bursts=10 flows=5 copies=3

# Bursts: datagrams of the first namespace to the first address, and then of several sockets in the second namespace to the
# second, each from a port of its own; prints how many were answered.
#   burst.py DIRECTORY NS1 ADDRESS1 NS2 ADDRESS2 BURSTS SOCKETS COPIES SECONDS
cat > "$work/burst.py" << 'PYTHON'
import selectors, socket, sys, time
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import frames

def connected(ns, address, port=0):
    with frames.namespace(ns):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", port))
    s.connect((address, 7))
    return s

own, own_address, client, service = sys.argv[2:6]
bursts, sockets, copies, seconds = map(int, sys.argv[6:10])
answered = 0
for burst in range(bursts):
    waiting = selectors.DefaultSelector()
    ports = range(20000 + burst * sockets, 20000 + (burst + 1) * sockets)
    senders = [connected(own, own_address)] + [connected(client, service, port) for port in ports]
    left = len(senders) * copies
    for s in senders:
        waiting.register(s, selectors.EVENT_READ)
    for s in senders:
        for _ in range(copies):
            s.send(b"x" * 100)
    end = time.monotonic() + seconds
    while left and (seconds_left := end - time.monotonic()) > 0:
        for key, _ in waiting.select(seconds_left):
            key.fileobj.recv(1000)
            left -= 1
            answered += 1
    for s in senders:
        s.close()
print(answered)
PYTHON
burst() { # VIP SERVER
	/usr/bin/python3 "$work/burst.py" "$netns_dir" "$lbhost" "$2" "$client" "$1" "$bursts" "$flows" "$copies" $((3 * ${SLOW:-1}))
}

# On a wire each packet is whole. What comes waits for the next slot: then all of it arrives at once, and can be joined.
wire() {
	for host in "$lbhost" "$rshost"; do in_ns "$host" ethtool -K eth0 tx off tso off gso off > /dev/null; done
	batch "$switch" "link set p1 nomaster" "link add wire0 mtu $underlay_mtu type veth peer name wire1" \
		"link set wire1 mtu $underlay_mtu master sw0" "link set wire0 up" "link set wire1 up"
	in_ns "$switch" tc qdisc add dev wire0 root netem limit 10000 slot 20ms
	worker_start
	worker fragments "$switch" p1 wire0 2000
}

joins() { # HOW
	in_ns "$switch" ethtool -K wire1 rx-udp-gro-forwarding off rx-gro-list off
	in_ns "$switch" ethtool -K wire1 gro on "$1" on
}

sent_again() { in_ns "$client" nstat -a -s -z TcpRetransSegs | awk '$1 == "TcpRetransSegs" { print $2 }'; }

# Each burst's first datagrams are the host's own, and no requests.
one_service() { # WHAT VIP SERVER
	local joined recorded again
	ctl "$rshost" session flush > /dev/null # the ports are the same each time
	joined=$(stat_of "$rshost" joined) recorded=$(stat_of "$rshost" recorded)
	check "all of some bursts is answered ($1)" equal "$(burst "$2" "$3")" $((bursts * (flows + 1) * copies))
	check "datagrams of them had been joined ($1)" stat_grew "$rshost" joined "$joined" "$bursts"
	check "each flow has its session ($1)" equal $(($(stat_of "$rshost" recorded) - recorded)) $((bursts * flows))
	joined=$(stat_of "$rshost" joined) again=$(sent_again)
	check "upload, checksummed ($1)" http_upload "$client" "$2" "$large"
	check "its packets had been joined ($1)" stat_grew "$rshost" joined "$joined" 20
	check "hardly any was sent twice ($1)" at_most $(($(sent_again) - again)) 3
}

require sch_netem
nat_hosts
start_server "$rs" "$log"
watch_behind_record "$rshost"
wire
load_module
for family in ${FAMILIES:-4 6}; do
	options=$(checksum_options "$family" yes)
	[ "$tunnel" != vxlan ] || options+=" srcport 5000 5001"
	# shellcheck disable=SC2086 # several options
	nat_overlay "$family" $options
	wait_until 10 http_get "$lbhost" 10.1.1.2 1
	wait_until 10 http_get "$lbhost" 2001:db8:10::2 1
	nat_configure "$family"
	check "the server's host becomes ready (IPv$family)" nat_ready "$family"
	in_ns "$rshost" nft reset counters > /dev/null # probes came before it knew the peer
	for how in rx-udp-gro-forwarding rx-gro-list; do
		joins "$how"
		one_service "IPv4 in IPv$family, $how" "$vip4" 10.1.1.2
		one_service "IPv6 in IPv$family, $how" "$vip6" 2001:db8:10::2
	done
	check "nothing is marked behind the record stage (IPv$family)" equal "$(behind "$rshost" marked)" 0
	check "and the packets are there (IPv$family)" at_least "$(behind "$rshost" clean)" 50
	check "none could not be taken apart (IPv$family)" equal "$(stat_of "$rshost" joined_dropped)" 0
done
unload_module
finish
