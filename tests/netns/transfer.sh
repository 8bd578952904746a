# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# A download that lasts as long as it is needed: the server streams until $log.enough exists, then a little more. Of the
# scenario this needs $client, $log (the server's), and the client's port $sport.

# The file that curl writes has grown past BYTES.
has_come() { # BYTES
	at_least "$(stat -c %s "$work/got")" "$1"
}

begin_download() { # VIP
	: > "$work/got"
	rm -f "$log.enough"
	in_ns "$client" curl -g -s -S -f -m 200 --local-port "$sport" -o "$work/got" "$(url "$1" /stream/50)" \
		2> "$work/curl" &
	transfer=$!
	wait_until 60 has_come 500000
}

# Waits for the transfer's end, whose status is then in $status: a check's subshell cannot.
transfer_end() {
	status=0
	wait "$transfer" || status=$?
}

download_is_right() {
	cat "$work/curl"
	equal "$status" 0
	equal "$(stat -c %s "$work/got")" "$(awk -v p="$sport" '$3 == p && $5 == "sent" { print $6 }' "$log")"
	equal "$(sha256sum < "$work/got" | cut -d' ' -f1)" "$(pattern_sum "$(stat -c %s "$work/got")")"
}

# Ends it, and says what became of it.
end_download() {
	touch "$log.enough"
	transfer_end
	check "the download ends with the right checksum" download_is_right
}
