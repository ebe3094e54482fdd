#!/usr/bin/env bash
# Instructions an item on one thread: exact where clocks are noisy. Each contender runs twice, and what the longer run
# executes more is divided by the items it takes more, so that neither start nor end of the program counts.
#
#     benches/callgrind.sh [CONTENDER...]
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "valgrind is not installed" >&2; exit 1; }

few=10000
many=110000
contenders=("$@")
[ $# -gt 0 ] || contenders=(next lock hand owned generator genawaiter-rc genawaiter-sync)

# Cargo itself says where the program is, whatever the target directory.
program=$(cargo build --release -p benches --example one_thread --message-format json \
    | grep -o '"executable":"[^"]*one_thread"' | cut -d '"' -f 4)

# Its own total, which stands on standard error as "Collected : N".
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 \
        | sed -n 's/^==[0-9]*== Collected : //p'
}

for contender in "${contenders[@]}"; do
    short=$(instructions "$contender" "$few")
    long=$(instructions "$contender" "$many")
    awk -v name="$contender" -v n="$((long - short))" -v items="$((many - few))" \
        'BEGIN { printf "%-16s %6.1f instructions an item\n", name, n / items }'
done
