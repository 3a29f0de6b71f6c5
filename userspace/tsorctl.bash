# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of tsorctl for bash.

_tsorctl_netns()
{
	local f

	for f in /run/netns/*; do
		[ -e "$f" ] && echo "${f##*/}"
	done
}

_tsorctl_peers()
{
	tsorctl peer show 2>/dev/null | cut -d' ' -f1
}

_tsorctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local i words="" object="" command=""

	# the object and the command, behind the options
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-n | -netns | --netns) i=$((i + 1)) ;;
		-*) ;;
		*)
			if [ -z "$object" ]; then
				object=${COMP_WORDS[i]}
			elif [ -z "$command" ]; then
				command=${COMP_WORDS[i]}
			fi
			;;
		esac
	done

	case $prev in
	-n | -netns | --netns | netns)
		[ "$prev" = netns ] && [ "$object" = netns ] || words=$(_tsorctl_netns)
		;;
	carrier) words="tcp link local" ;;
	state) words="none undecided channel plain dead" ;;
	reason)
		words="no-option bad-option echo no-link not-confirmed refused raw probes fastopen
			simultaneous option no-memory disabled"
		;;
	esac
	if [ -z "$words" ]; then
		case $object/$command in
		/)
			words="peer key link conn netns stats monitor help"
			[[ $cur != -* ]] || words="-json -pretty -netns -Version -help"
			;;
		key/) words="set clear" ;;
		key/set) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
		peer/) words="add del show" ;;
		peer/del | peer/show | link/show) words=$(_tsorctl_peers) ;;
		link/ | conn/) words="show" ;;
		conn/show) words="netns addr port carrier state reason" ;;
		netns/) words="enable disable show" ;;
		netns/*) words=$(_tsorctl_netns) ;;
		stats/) words="show all" ;;
		stats/*) words=$(tsorctl stats all 2>/dev/null | cut -d' ' -f1) ;;
		monitor/) words="all link conn" ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _tsorctl tsorctl
