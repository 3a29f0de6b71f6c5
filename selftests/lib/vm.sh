# shellcheck shell=bash
# packages: gcc libc6-dev make iproute2 libmnl-dev qemu-system-x86 busybox-static python3 cpio kmod
# packages: rdma-core ibverbs-providers
# SPDX-License-Identifier: GPL-2.0
#
# For topics whose tests run in the guests of the test bed. A topic reads this file, defines a
# function "topic" and ends with "vm_topic". It then runs once for each kernel in $K (default
# "6.1 6.12"): the module and the programs are built, the bed boots two guests, and "topic"
# runs against them; see bed/README.rst for what it can say. Its lines "ok - NAME" and "not ok -
# NAME" get their numbers and the kernel's name here, and one test more says whether the kernel
# logs are clean.
#
#   BED_OPTIONS=(-n 3 -T 300)   of the bed, set by the topic
#   TSOR_TEST_PLAIN=1           in the environment: do not load the module, to try out a topic;
#                               what needs the module is then skipped
#   TSOR_TEST_OUT               where the logs go (default: a new directory in /tmp)
#   TSOR_TEST_BUILD             where things are built (default: ~/.cache/tsor/build-*, one for each
#                               place that this file is in)
#
# shellcheck disable=SC2034,SC2154	# used by topics; set by bed

# shellcheck disable=SC2128
vm_tests=$(cd "$(dirname "$BASH_SOURCE")/.." && pwd)
vm_src=$(dirname "$vm_tests")
vm_build=${TSOR_TEST_BUILD:-${XDG_CACHE_HOME:-$HOME/.cache}/tsor/build-$(cksum <<<"$vm_src" | cut -d ' ' -f 1)}
[ -z "${BED_DIR:-}" ] || vm_build=$TSOR_BUILD_DIR
programs=$vm_build/programs
plain=${TSOR_TEST_PLAIN:-}
BED_OPTIONS=()

# -- outside: build, boot, number ---------------------------------------------------------------

# vm_release K: the newest kernel of this series, installed if there is none
vm_release() { "$vm_tests/kernels" --release "$1"; }

# vm_kdir RELEASE: what modules for it are built against
vm_kdir() {
	local own

	for own in "${XDG_CACHE_HOME:-$HOME/.cache}"/tsor/kernels/*/release; do
		[ ! -e "$own" ] || [ "$(<"$own")" != "$1" ] || { echo "${own%/*}/build"; return; }
	done
	echo "/lib/modules/$1/build"
}

# vm_make NAME CMD...: run it in the build directory, one at a time, with its output in a file
vm_make() {
	local name=$1
	shift
	mkdir -p "$vm_build"
	if ! flock "$vm_build/lock" "$@" >"$vm_build/$name.log" 2>&1; then
		sed 's/^/# /' "$vm_build/$name.log" | tail -n 40
		echo "# cannot build $name: $vm_build/$name.log"
		return 1
	fi
}

# vm_module RELEASE: build the module and tsorctl; make knows what has changed
vm_module() {
	vm_make "module-$1" make -C "$vm_src" -j2 KDIR="$(vm_kdir "$1")" OUT="$vm_build/$1" module &&
		vm_make tsorctl make -C "$vm_src" OUT="$vm_build" tsorctl
}

vm_one() {
	local k=$1 out=$2 status=0 release

	mkdir -p "$out"
	if ! release=$(vm_release "$k") || ! vm_make programs make -C "$vm_tests/programs" \
		O="$programs" || { [ -z "$plain" ] && ! vm_module "$release"; }; then
		echo "not ok - the module and the programs build"
		return 1
	fi
	TSOR_BUILD_DIR=$vm_build TSOR_MODULE=$vm_build/$release/tsor.ko \
		"$vm_tests/bed/bed" -k "$k" -d "$out" \
		-a "no_timer_check tsc_early_khz=$("$programs/tscrate")" \
		"${BED_OPTIONS[@]}" "$(realpath "$0")" || status=$?
	case $status in
	0) echo "ok - kernel logs are clean" ;;
	3) echo "not ok - no guest dies" ;;
	4) echo "not ok - kernel logs are clean" ;;
	124) echo "not ok - ends in time" ;;
	*) echo "not ok - the bed runs to its end: status $status" ;;
	esac
	[ $status = 0 ] || echo "# logs are in $out"
	return $status
}

vm_topic() {
	local n=0 k line failed=0 out status
	local -a kernels

	if [ -n "${BED_DIR:-}" ]; then
		topic || fail "the topic runs to its end"
		vm_end
		exit 0	# what failed has been told
	fi
	read -ra kernels <<<"${K:-6.1 6.12}"
	out=${TSOR_TEST_OUT:-$(mktemp -d /tmp/tsor-test.XXXXXX)}
	for k in "${kernels[@]}"; do
		while IFS= read -r line; do
			case $line in
			"ok - "* | "not ok - "*)
				n=$((n + 1))
				[ "${line%% *}" = ok ] || failed=1
				line="${line%% - *} $n - $k: ${line#* - }"
				;;
			"#status "*)
				status=${line#* }
				if [ "$status" != 0 ] && [ $failed = 0 ]; then
					n=$((n + 1)) failed=1
					printf '%s\n' "not ok $n - $k: status $status"
				fi
				continue
				;;
			esac
			printf '%s\n' "$line"
		done < <(vm_one "$k" "$out/$k" 2>&1; echo "#status $?")
	done
	echo "1..$n"
	[ $failed = 1 ] || [ -n "${TSOR_TEST_OUT:-}" ] || rm -rf "$out"
	exit $failed
}

# -- inside: reporting --------------------------------------------------------------------------

pass() { echo "ok - $1"; }

# fail NAME [FILE...]: and show what is in the files
fail() {
	local name=$1 file
	shift
	echo "not ok - $name"
	for file in "$@"; do
		[ ! -s "$file" ] || tail -n 40 "$file" | sed 's/^/#   /'
	done
}

skip() { echo "ok - $1 # SKIP $2"; }

# check NAME CMD...: the command's output is shown if it fails
check() {
	local name=$1 out=$BED_DIR/check.$BASHPID
	shift
	if "$@" >"$out" 2>&1; then
		pass "$name"
	else
		fail "$name" "$out"
	fi
}

# equal NAME GOT WANTED
equal() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1"
		echo "#   got '$2', not '$3'"
	fi
}

# until_true SECONDS CMD...; SECONDS of a kernel at its full speed
until_true() {
	local end=$((SECONDS + $1 * ${BED_SLOW:-1}))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# -- inside: the module -------------------------------------------------------------------------

# tsorctl NODE ARG...
tsorctl() {
	local n=$1
	shift
	node "$n" "$vm_build/userspace/tsorctl" "$@"
}

nodes() { seq "$BED_NODES"; }

# load NODE; on a slow kernel a link may be silent for longer
load() {
	local patient=()

	[ "$BED_SLOW" = 1 ] || patient=(deadline_ms=$((1500 * BED_SLOW)))
	node "$1" insmod "$TSOR_MODULE" "${patient[@]}"
}

# link_is_up NODE PEER-NODE
link_is_up() {
	tsorctl "$1" -j link show | grep -q "\"192\.0\.2\.$2\""
}

# enable POD [0]
enable() {
	[ -n "$plain" ] || pod "$1" sysctl -qw "net.tsor.enabled=${2:-1}"
}

# tsor_up [POD...]: the module on all nodes, links between all of them, these pods switched on
tsor_up() {
	local i j p

	[ -z "$plain" ] || return 0
	for i in $(nodes); do
		load "$i" || return 1
	done
	for i in $(nodes); do
		for j in $(nodes); do
			[ "$i" = "$j" ] || tsorctl "$i" peer add "192.0.2.$j" || return 1
		done
	done
	for i in $(nodes); do
		for j in $(nodes); do
			[ "$i" = "$j" ] || until_true 20 link_is_up "$i" "$j" || {
				echo "# no link from node $i to node $j"
				tsorctl "$i" peer show | sed 's/^/# /'
				return 1
			}
		done
	done
	for p in "$@"; do
		enable "$p" || return 1
	done
}

vm_value() { awk -v "name=$1" '$1 == name { print $2 }'; }

# counter NODE NAME; 0 without the module
counter() {
	[ -n "$plain" ] && { echo 0; return; }
	node "$1" cat /proc/net/tsor_stat 2>/dev/null | vm_value "$2"
}

# mark: remember all counters; moved NODE NAME: what one has grown by since
mark() {
	local i
	for i in $(nodes); do
		if [ -n "$plain" ]; then
			: >"$BED_DIR/mark.$i"
		else
			node "$i" cat /proc/net/tsor_stat >"$BED_DIR/mark.$i" 2>/dev/null
		fi
	done
}

moved() {
	local now before
	now=$(counter "$1" "$2")
	before=$(vm_value "$2" <"$BED_DIR/mark.$1")
	echo $((${now:-0} - ${before:-0}))
}

# vm_settled: every node has received what the other has sent
vm_settled() {
	[ "$(moved 1 link_tx_bytes)" = "$(moved 2 link_rx_bytes)" ] &&
		[ "$(moved 2 link_tx_bytes)" = "$(moved 1 link_rx_bytes)" ]
}

# tell_moved: every counter that has grown since mark, as comments
tell_moved() {
	local i

	[ -z "$plain" ] || return 0
	for i in $(nodes); do
		node "$i" cat /proc/net/tsor_stat | paste - "$BED_DIR/mark.$i" |
			awk -v i="$i" '$2 != $4 { s = s " " $1 "+" $2 - $4 } END { print "#   node " i ":" s }'
	done
}

# by_link NAME TO-2 TO-1: since mark, at least so many bytes went by the link from node 1 to
# node 2 and back; both ends counted the same, and none went by TCP
by_link() {
	local to2 to1 tcp

	[ -z "$plain" ] || { skip "$1: by the link" "plain TCP"; return; }
	until_true 5 vm_settled
	to2=$(moved 1 link_tx_bytes) to1=$(moved 2 link_tx_bytes)
	tcp=$(($(moved 1 tcp_tx_bytes) + $(moved 2 tcp_tx_bytes)))
	echo "# $1: $to2 bytes to node 2 and $to1 to node 1 by the link, $tcp by TCP"
	if vm_settled && [ "$to2" -ge "$2" ] && [ "$to1" -ge "$3" ] && [ $tcp = 0 ] &&
		[ "$(moved 1 link_rnr)" = 0 ] && [ "$(moved 2 link_rnr)" = 0 ]; then
		pass "$1: by the link, equal at both ends"
	else
		fail "$1: by the link, equal at both ends"
		echo "#   wanted $2 and $3; received $(moved 2 link_rx_bytes) and $(moved 1 link_rx_bytes);" \
			"RNR $(moved 1 link_rnr) $(moved 2 link_rnr)"
		tell_moved
	fi
}

# by_tcp NAME: since mark, nothing went by the link
by_tcp() {
	local bytes

	[ -z "$plain" ] || { skip "$1: by TCP" "plain TCP"; return; }
	bytes=$(($(moved 1 link_tx_bytes) + $(moved 2 link_tx_bytes)))
	equal "$1: by TCP" "$bytes" 0
}

unload() { node "$1" rmmod tsor 2>"$BED_DIR/rmmod"; }

# vm_end: where the kernel finds lost memory, take the module away, so that what it leaves behind
# is found
vm_end() {
	local i jobs

	[ -z "$plain" ] && node 1 test -e /sys/kernel/debug/kmemleak 2>/dev/null || return 0
	mapfile -t jobs < <(jobs -p)
	[ ${#jobs[@]} = 0 ] || { kill "${jobs[@]}"; wait; } 2>/dev/null
	for i in $(nodes); do
		node "$i" grep -q '^tsor ' /proc/modules || continue
		until_true 20 unload "$i" || fail "node $i: the module can be removed at the end" \
			"$BED_DIR/rmmod"
	done
}

# -- inside: programs ---------------------------------------------------------------------------

# serve POD LOG CMD...: in the background, as long as the topic runs
serve() {
	local p=$1 file=$2
	shift 2
	pod -t 0 "$p" "$@" >"$file" 2>&1 &
}

# listening POD PORT
listening() { [ -n "$(pod "$1" ss -Hltn "sport = :$2")" ]; }

# wait_listen POD PORT
wait_listen() {
	until_true 30 listening "$1" "$2" || { echo "# nobody listens in pod $1 on port $2"; return 1; }
}

# -- inside: captures ---------------------------------------------------------------------------

declare -A vm_captures=()

# capture NAME NODE INTERFACE FILTER...: packets into $BED_DIR/NAME.pcap, until capture_end
capture() {
	local name=$1 n=$2 interface=$3
	shift 3
	rm -f "$BED_DIR/$name.tcpdump"
	# each packet takes a slot of the largest size: room for as many as come while it sleeps
	node -t 0 "$n" tcpdump -i "$interface" -s 9000 -B 65536 --immediate-mode -U -w "$BED_DIR/$name.pcap" "$@" \
		>"$BED_DIR/$name.tcpdump" 2>&1 &
	vm_captures[$name]=$!
	until_true 20 grep -qs listening "$BED_DIR/$name.tcpdump" || {
		sed 's/^/# /' "$BED_DIR/$name.tcpdump"
		return 1
	}
}

# it ends when the files have not grown for a second: what is still in a buffer would be lost
capture_end() {
	local name size last="" calm=0 i

	for ((i = 0; i < 100 && calm < 5; i++)); do
		size=$(for name in "${!vm_captures[@]}"; do stat -c %s "$BED_DIR/$name.pcap"; done)
		[ "$size" = "$last" ] && calm=$((calm + 1)) || calm=0
		last=$size
		sleep 0.2
	done
	for name in "${!vm_captures[@]}"; do
		kill "${vm_captures[$name]}"
		wait "${vm_captures[$name]}" 2>/dev/null
	done
	vm_captures=()
}

# packets NAME FILTER...: how many packets of a capture match
packets() { tcpdump -nr "$BED_DIR/$1.pcap" "${@:2}" 2>/dev/null | wc -l; }

# payload NAME FILTER...: bytes of TCP payload in them
payload() {
	# "length 32", or "length 32: RESP" where it thinks that it knows the protocol
	tcpdump -nr "$BED_DIR/$1.pcap" "${@:2}" 2>/dev/null |
		sed -n 's/.* length \([0-9]*\)\(:.*\)\{0,1\}$/\1/p' | awk '{ sum += $1 } END { print sum + 0 }'
}
