#!/bin/sh
# compile.sh FOLDER TARGET MPY-CROSS...: put main.py and the package spamgate of FOLDER into TARGET, as bytecode.
# With an option -march=... there is machine code in it, for that kind of processor only.
set -eu
folder=$1
target=$2
shift 2
mkdir -p "$target"
cp "$folder/main.py" "$target/"
case "$*" in
*-march=*) machine_code=cat ;;
*) machine_code='sed /^@micropython[.]viper$/d' ;; # so that any MicroPython takes it
esac
cd "$folder"
find spamgate -name '*.py' | sort | while read -r source; do
	compiled="$target/${source%.py}.mpy"
	mkdir -p "${compiled%/*}"
	$machine_code "$source" >"$compiled.py"
	"$@" -O3 -s "$source" -o "$compiled" "$compiled.py"
	rm "$compiled.py"
done
