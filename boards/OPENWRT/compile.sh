#!/bin/sh
# compile.sh FOLDER TARGET MPY-CROSS...: put main.py and the package spamgate of FOLDER into TARGET, as bytecode.
set -eu
folder=$1
target=$2
shift 2
mkdir -p "$target"
cp "$folder/main.py" "$target/"
cd "$folder"
find spamgate -name '*.py' | sort | while read -r source; do
	mkdir -p "$target/${source%/*}"
	"$@" -O3 -s "$source" -o "$target/${source%.py}.mpy" "$source"
done
