#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two balancers with keepalived: VRRP on the clients' link gives one of them the VIP, its health checks the real
# server, its sync daemon each other's connections. The active one dies under a load of wrk, the other takes over, the
# first comes back and takes the VIP again. Not a request more is lost than where the server's default route is the
# balancers' inner VRRP address, as people do today; here it is another gateway. A client that waits for its answer
# says nothing that would move its session: where a host is lost, its sessions' replies follow those that others'
# packets have moved.
#
#                 VIP 200.1.1.100 (VRRP)
#   client .2 --+-- lb1 .11 [keepalived, IPVS; br100 10.1.1.253] .1 ==+
#               |    |  sync 192.0.2.0/30                             +== .2 rshost - tap0 - rs 10.1.1.2, nginx
#               +-- lb2 .12 [keepalived, IPVS; br100 10.1.1.254] .4 ==+
#               |             10.1.1.200 (VRRP)                       |
#               +-- gwhost .1 [br100 10.1.1.1] .3 ====================+    (underlay 172.18.10.N)
#
# First the reference, without the module: rs' default route is 10.1.1.200. Then with the module on lb1, lb2 and
# rshost, it is 10.1.1.1. In both wrk keeps its connections, so that each that is lost is an error; each request is
# one line of nginx' log.
. "$(dirname "$0")/lib.sh"

vip=200.1.1.100
connections=6
balancers='lb1 lb2'

network() {
	local host
	require vxlan ip_vs ip_vs_rr nf_tables bridge veth nf_conntrack
	underlay_switch
	setup_ns client front lb1 lb2 rshost gwhost rs
	underlay_host "$lb1" 1
	underlay_host "$rshost" 2
	underlay_host "$gwhost" 3
	underlay_host "$lb2" 4
	batch "$front" "link add fr0 type bridge" "link set fr0 up"
	attach_front "$client" c 200.1.1.2/24
	attach_front "$lb1" f1 200.1.1.11/24
	attach_front "$lb2" f2 200.1.1.12/24
	attach_front "$gwhost" gw 200.1.1.1/24
	link "$lb1" sync 192.0.2.1/30 "$lb2" sync 192.0.2.2/30
	for host in "$lb1" "$lb2" "$rshost" "$gwhost"; do overlay "$host" 4 100; done
	for host in "$lb1" "$lb2" "$gwhost"; do forwarding "$host"; done
	ip -n "$lb1" addr add 10.1.1.253/24 dev br100
	ip -n "$lb2" addr add 10.1.1.254/24 dev br100
	ip -n "$gwhost" addr add 10.1.1.1/24 dev br100
	attach_vm "$rs" "$rshost" br100 tap0 10.1.1.2/24
	for host in "$lb1" "$lb2"; do
		mark_to "$host" "$vip"
		# Connections are told after their first packets, and often: a test does not wait for the fiftieth.
		in_ns "$host" sysctl -qw net.ipv4.vs.sync_threshold="3 10"
	done
}

start_nginx() {
	chmod 711 "$work"
	truncate -s 100M "$work/slow"
	cat > "$work/nginx.conf" <<-CONF
		daemon off; worker_processes 1; user root; pid $work/nginx.pid; error_log $work/nginx.errors;
		events { }
		http {
			log_format client '\$msec \$remote_addr \$remote_port \$status';
			access_log $work/access.log client;
			client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work;
			scgi_temp_path $work;
			keepalive_requests 1000000; keepalive_timeout 600;
			server {
				listen 80;
				location / { return 200 "\$remote_addr\\n"; }
				location /slow { root $work; limit_rate 20k; }
			}
		}
	CONF
	ip netns exec "$rs" nginx -c "$work/nginx.conf" -e "$work/nginx.errors" &
	background+=($!)
	wait_until 20 http_get "$rs" 127.0.0.1 1
}

start_keepalived() { # lb1|lb2 PRIORITY
	local name=$1 prefix=$work/$1
	cat > "$prefix.conf" <<-CONF
		global_defs {
			router_id $name
			lvs_sync_daemon sync inner_and_outer id 1
			vrrp_garp_master_delay 1
		}
		vrrp_instance inner_and_outer {
			state BACKUP
			interface front
			virtual_router_id 51
			priority $2
			advert_int 1
			virtual_ipaddress {
				$vip/24 dev front
				10.1.1.200/24 dev br100
			}
		}
		virtual_server $vip 80 {
			delay_loop 2
			lvs_sched rr
			lvs_method NAT
			protocol TCP
			real_server 10.1.1.2 80 {
				TCP_CHECK {
					connect_timeout 3
				}
			}
		}
	CONF
	ip netns exec "${!name}" keepalived -f "$prefix.conf" -n -l -D -p "$prefix.pid" -r "$prefix.vrrp" \
		-c "$prefix.checkers" > "$prefix.log" 2>&1 &
	background+=($!)
}

has_vip() { # lb1|lb2
	grep -q -F "$vip/" <<< "$(ip -n "${!1}" addr show dev front)"
}

has_server() { # lb1|lb2 : its own health check has found it
	grep -q '10.1.1.2:80' <<< "$(in_ns "${!1}" ipvsadm -Ln)"
}

# The load's connections, by a balancer's table: its own, or what the other one told.
knows_connections() { # lb1|lb2 : all of them
	at_least "$(in_ns "${!1}" ipvsadm -Lnc | grep -F "$vip:80 " | grep -c ESTABLISHED)" $((connections + 1))
}

start_load() {
	cat > "$work/load.lua" <<-'LUA'
		function delay() return 20 end -- milliseconds between an answer and the next request: not the machine's limit
		function done(summary)
			local e = summary.errors
			io.write(string.format("requests=%d errors=%d connect=%d read=%d write=%d status=%d timeout=%d\n",
				summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
				e.connect, e.read, e.write, e.status, e.timeout))
		end
	LUA
	# A pause is no error as long as it ends: what is counted is what nobody brings back.
	ip netns exec "$client" wrk -t 1 -c "$connections" -d 500 --timeout 60 -s "$work/load.lua" "http://$vip/" \
		> "$work/wrk.$1" 2>&1 &
	load=$!
	background+=("$load")
	# Only the server speaks: its client has nothing to send again.
	: > "$work/stream.$1"
	ip netns exec "$client" curl -s -S -N -o "$work/stream.$1" "http://$vip/slow" 2> "$work/curl.$1" &
	stream=$!
	background+=("$stream")
}

end_load() { # NAME
	kill -INT "$load"
	wait "$load" || true
	kill "$stream" 2> /dev/null || true
	note "$1: $(grep requests= "$work/wrk.$1")"
}

outcome() { # NAME WHAT
	sed -n "s/^requests=.*\b$2=\([0-9]*\).*/\1/p;s/^$2=\([0-9]*\).*/\1/p" "$work/wrk.$1" | tail -n 1
}

# How many of the load's connections had an answer since then: one that hangs does not hide behind the others.
busy_connections() { # SINCE
	awk -v since="$1" '$1 >= since && $2 == "200.1.1.2" && $4 == 200 { port[$3] = 1 }
		END { for (p in port) n++; print n + 0 }' "$work/access.log"
}

stream_grew() { # NAME BEFORE
	at_least "$(stat -c %s "$work/stream.$1")" $(($2 + 40000))
}

stream_goes_on() { # NAME WHEN
	check "a stream that only the server speaks goes on, $2 ($1)" \
		wait_until 40 stream_grew "$1" "$(stat -c %s "$work/stream.$1")"
}

all_busy() { at_least "$(busy_connections "$1")" "$connections"; }

# The longest time without a request, of the load's.
longest_pause() { # FROM
	awk -v from="$1" '$1 >= from { if (last && $1 - last > longest) longest = $1 - last; last = $1 }
		END { printf "%.1f\n", longest }' "$work/access.log"
}

# As the network sees it: no device of lb1 is there any more.
dies() {
	ip -n "$front" link set f1 down
	ip -n "$switch" link set p1 down
}

comes_back() {
	ip -n "$switch" link set p1 up
	ip -n "$front" link set f1 up
}

# The sessions of load and stream, by their row: each has this balancer's host.
sessions_by() { # NS
	equal "$(ctl "$rshost" session list --src 200.1.1.2 --dst 10.1.1.2 --dport 80 --state tcp-established |
		awk '$1 + 0 { print $7, $8, $9 }' | sort | uniq -c |
		awk -v n=$((connections + 1)) '$1 >= n { print $2, $3, $4 }')" \
		"$(mac_of "$1" br100) $(vtep "$1" 4) 100"
}

# One load, during which the VIP goes over and back.
round() { # NAME
	local name=$1 start since
	wait_until 20 has_vip lb1
	wait_until 20 http_get "$client" "$vip" 2
	check "the first balancer has the VIP, and the client its own address ($name)" \
		equal "$(http_get "$client" "$vip" 2>&1 || true)" 200.1.1.2
	start_load "$name"
	start=$EPOCHREALTIME
	check "a load begins on $connections connections ($name)" wait_until 20 all_busy "$start"
	stream_goes_on "$name" "before"
	check "the second balancer knows its connections ($name)" wait_until 20 knows_connections lb2
	[ "$name" = reference ] || check "their sessions have the first one's host" wait_until 10 sessions_by "$lb1"

	start=$EPOCHREALTIME
	dies
	check "the first one dies, the second has the VIP ($name)" wait_until 20 has_vip lb2
	since=$EPOCHREALTIME
	check "all connections go on ($name)" wait_until 40 all_busy "$since"
	stream_goes_on "$name" "after the fail-over"
	note "$name: fail-over, the longest pause: $(longest_pause "$start") s"
	[ "$name" = reference ] || check "their sessions have the second one's host" wait_until 10 sessions_by "$lb2"

	start=$EPOCHREALTIME
	comes_back
	check "the first is back, and takes the VIP ($name)" wait_until 20 has_vip lb1
	check "the second has left it ($name)" wait_until 10 not has_vip lb2
	since=$EPOCHREALTIME
	check "all connections go on, after the fail-back ($name)" wait_until 40 all_busy "$since"
	stream_goes_on "$name" "after the fail-back"
	note "$name: fail-back, the longest pause: $(longest_pause "$start") s"
	[ "$name" = reference ] || check "their sessions have the first one's host again" wait_until 10 sessions_by "$lb1"
	end_load "$name"
	check "the load was there ($name)" at_least "$(outcome "$name" requests)" 200
}

network
start_nginx
start_keepalived lb1 150
start_keepalived lb2 100
for name in $balancers; do wait_until 30 has_server "$name"; done
wait_until 20 has_vip lb1

ip -n "$rs" route add default via 10.1.1.1
check "without the module and with another gateway: no answer" not http_get "$client" "$vip" 2
ip -n "$rs" route replace default via 10.1.1.200
round reference

ip -n "$rs" route replace default via 10.1.1.1
load_module
for name in $balancers; do
	ctl "${!name}" mark add "$first_mark"
	pair_hosts "${!name}" "$(vtep "${!name}" 4)" "$rshost" "$(vtep "$rshost" 4)"
done
for name in $balancers; do
	check "the server's host is ready for $name" wait_until 15 peer_ready "${!name}" 172.18.10.2
done
moved=$(stat_of "$rshost" moved) steered=$(stat_of "$rshost" steered)
round module
check "each session moved over and back" stat_grew "$rshost" moved "$moved" $((2 * connections))
check "some of them after the death of the first one, by others that had" stat_grew "$rshost" path_followed 0
check "replies were steered" stat_grew "$rshost" steered "$steered" 200
check "no more errors than with the default route at the balancers" \
	at_most "$(outcome module errors)" "$(outcome reference errors)"
check "nginx saw nobody but the client" equal \
	"$(awk '{ print $2 }' "$work/access.log" | grep -v -x 127.0.0.1 | sort -u | xargs)" 200.1.1.2
topology failover vxlan 4 4
unload_module
finish
