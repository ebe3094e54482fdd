#!/usr/bin/env bash
# Counts the instructions per item on one thread, which is exact even where clocks are noisy. Each contender runs twice,
# and the difference in instructions is divided by the difference in items, so that the program's start and end do not
# count. Of contenders with several threads, the instructions of all threads count, and vary with the scheduling.
#
#     benches/callgrind.sh [CONTENDER...]
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "valgrind is not installed" >&2; exit 1; }

few=10000
many=110000

# Cargo prints the path of the program, whatever the target directory is.
program=$(cargo build --release -p benches --example one_thread --message-format json \
    | grep -o '"executable":"[^"]*one_thread"' | cut -d '"' -f 4)

contenders=("$@")
[ $# -gt 0 ] || mapfile -t contenders < <("$program" --list)

# Callgrind prints its total on standard error as "Collected : N".
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 \
        | sed -n 's/^==[0-9]*== Collected : //p'
}

for contender in "${contenders[@]}"; do
    short=$(instructions "$contender" "$few")
    long=$(instructions "$contender" "$many")
    awk -v name="$contender" -v n="$((long - short))" -v items="$((many - few))" \
        'BEGIN { printf "%-16s %6.1f instructions per item\n", name, n / items }'
done
