# The part of OpenWrt's /etc/rc.common, functions.sh and procd.sh that our init script uses; a UCI file is shell as it stands.
# Usage: sh openwrt.sh INIT-SCRIPT UCI-FILE COMMAND; networks are in $NETWORKS ("lan=br-lan wan=eth0").
set -u
SCRIPT=$1
UCI=$2
SECTIONS=""
reset_cb() {
	config_cb() { :; }
	option_cb() { :; }
	list_cb() { :; }
}
config() {
	CURRENT=${2:-cfg${#SECTIONS}}
	SECTIONS="$SECTIONS $CURRENT"
	eval "TYPE_$CURRENT=\$1"
	config_cb "$1" "$CURRENT"
}
option() {
	eval "OPTION_${CURRENT}_$1=\$2"
	option_cb "$1" "$2"
}
list() {
	eval "count=\${COUNT_${CURRENT}_$1:-0}"
	count=$((count + 1))
	eval "COUNT_${CURRENT}_$1=$count; ITEM_${CURRENT}_$1_$count=\$2"
	list_cb "$1" "$2"
}
config_load() { . "$UCI"; }
config_get() { eval "$1=\${OPTION_$2_$3:-\${4:-}}"; }
config_get_bool() {
	config_get "$@"
	eval "case \"\$$1\" in 1|on|true|yes|enabled) $1=1 ;; 0|off|false|no|disabled) $1=0 ;; *) $1=\${4:-} ;; esac"
}
config_foreach() {
	for each in $SECTIONS; do
		eval "[ \"\$TYPE_$each\" = \"$2\" ]" && "$1" "$each"
	done
	return 0
}
config_list_foreach() {
	eval "total=\${COUNT_$1_$2:-0}"
	at=0
	while [ $at -lt "$total" ]; do
		at=$((at + 1))
		eval "value=\$ITEM_$1_$2_$at"
		"$3" "$value"
	done
}
network_get_device() {
	for pair in $NETWORKS; do
		[ "${pair%%=*}" = "$2" ] && eval "$1=${pair#*=}" && return 0
	done
	return 1
}
procd_open_instance() { echo "open"; }
procd_set_param() { echo "$@"; }
procd_close_instance() { echo "close"; }
procd_send_signal() { echo "signal $*"; }
procd_add_reload_trigger() { echo "trigger $*"; }
logger() { shift 5; echo "$@" >&2; }
reset_cb
# What the script names by absolute paths lies elsewhere here.
eval "$(sed -e "s#^FIRMWARE=.*#FIRMWARE=$FIRMWARE#" -e "s#^RUN=.*#RUN=$RUN#" -e '/network.sh$/d' "$SCRIPT")"
"$3"
