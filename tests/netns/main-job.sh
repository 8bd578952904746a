# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The main job, as scenarios ask for it whatever stands between client and server. They source this file, and have $client
# and $rshost, $log, the server's, $services, each "VIP SERVER CLIENT …", and row_is.

# The client reaches the balancer; the server's own gateway, on $gwhost, reaches the client another way.
client_links() { # BALANCER
	link "$client" to-lb "200.1.1.2/24 2001:db8:c1::2/64" "$1" to-client "200.1.1.1/24 2001:db8:c1::1/64"
	link "$client" to-gw "200.1.2.2/24 2001:db8:c2::2/64" "$gwhost" to-client "200.1.2.1/24 2001:db8:c2::1/64"
	batch "$client" "route add default via 200.1.1.1" "route add default via 2001:db8:c1::1"
	batch "$gwhost" "route add 200.1.1.0/24 via 200.1.2.2" "route add 2001:db8:c1::/64 via 2001:db8:c2::2"
}

# One service: small requests, a large answer and upload, UDP; the server's log and the session table say whose they are.
#   row_is PROTOCOL NUMBER SERVER PORT CLIENT ROW…   looks at a row of the session table
service_works() { # WHAT VIP SERVER CLIENT BYTES ROW…
	local what=$1 vip=$2 server=$3 seen=$4 large=$5 text
	shift 5
	check "TCP to $vip: the server sees $seen ($what)" equal "$(http_get "$client" "$vip" 2>&1 || true)" "$seen"
	check "its row in the session table" row_is tcp 6 "$server" 80 "$seen" "$@"
	check "download, checksummed ($what)" http_download "$client" "$vip" "$large"
	check "upload, checksummed ($what)" http_upload "$client" "$vip" "$large"
	text="echo-$RANDOM"
	check "UDP echo ($what)" equal "$(udp_echo "$client" "$vip" "$text" 2>&1 || true)" "$seen $text"
	check "its row in the session table" row_is udp 17 "$server" 7 "$seen" "$@"
	check "the server's log has the client's address and the text" grep -Eq "^udp $seen [0-9]+ $server $text" "$log"
}

# The row that the last request over PROTOCOL to SERVER made, column by column; filters of its network may follow.
session_row_is() { # PROTOCOL NUMBER SERVER PORT CLIENT "MAC VTEP ID" [FILTER…]
	flow_row_is "${@:1:5}" "$(last_port "$1" "$5" "$3")" "${@:6}"
}

# The same, of the client's port that is named.
flow_row_is() { # PROTOCOL NUMBER SERVER PORT CLIENT CLIENT-PORT "MAC VTEP ID" [FILTER…]
	local actual
	actual=$(ctl "$rshost" session list --src "$5" --sport "$6" --dst "$3" --dport "$4" --proto "$1" "${@:8}" |
		awk '$1 == 1 { $1 = $1; print }')
	equal "$actual" "1 $5 $6 $3 $4 $2 $7"
}

# By the server's log.
last_port() { # PROTOCOL CLIENT SERVER
	awk -v p="$1" -v c="$2" -v s="$3" '$1 == p && $2 == c && $4 == s { port = $3 } END { print port }' "$log"
}

# Nobody gets an answer. All at once, for each waits for its time-out.
no_answers() { # WHEN
	local service vip jobs=()
	rm -f "$work"/answered-*
	for service in "${services[@]}"; do
		vip=${service%% *}
		{ http_get "$client" "$vip" 3 > /dev/null 2>&1 && touch "$work/answered-tcp-$vip"; } &
		jobs+=($!)
		{ udp_echo "$client" "$vip" lost 3 > /dev/null 2>&1 && touch "$work/answered-udp-$vip"; } &
		jobs+=($!)
	done
	wait "${jobs[@]}" || true
	for service in "${services[@]}"; do
		vip=${service%% *}
		check "TCP to $vip gets no answer $1" not test -e "$work/answered-tcp-$vip"
		check "UDP to $vip gets no answer $1" not test -e "$work/answered-udp-$vip"
	done
}

# Nobody listens at port 9: the server says so, and the client hears it from the address that it asked.
refused() { # ADDRESS
	in_ns "$client" /usr/bin/python3 -c '
import socket, sys
sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
sock.connect((sys.argv[1], 9))
sock.settimeout(float(sys.argv[2]))
for attempt in range(3):
    sock.send(b"anybody?")
    try:
        sock.recv(100)
    except ConnectionRefusedError:
        sys.exit(0)
    except TimeoutError:
        pass
sys.exit("silence")' "$1" "$((2 * ${SLOW:-1}))"
}
