#!/usr/bin/env bash
# A real OpenSearch cluster on 127.0.0.1 for tests: one process a node, no security plugin.
#   cluster.sh DIR start [NODES]    nodes 1 to NODES (3); waits until the cluster is green
#   cluster.sh DIR node N [NODES]   starts node N alone (again)
#   cluster.sh DIR kill N           ends node N at once
#   cluster.sh DIR stop             ends every node that was started with this DIR, which keeps their data
# Node N listens on HTTP_BASE + N (9200) and TRANSPORT_BASE + N (9300), with HEAP (512m) of memory, and ends when the
# process OWNER does (by default the caller). Needs Java 21 or later, and once Maven: what it brings is kept in CACHE.
# Exit code 3: Java, or Maven and what it brings, is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$1 action=$2
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
http=${HTTP_BASE:-9200} transport=${TRANSPORT_BASE:-9300} heap=${HEAP:-512m} owner=${OWNER:-$PPID}
made=${CACHE:-$HOME/.cache/broadsheet-tests}/opensearch-$(cat "$here/pom.xml" "$here/Node.java" | cksum | cut -d' ' -f1)

find_java() {
    local home release
    for home in "${JAVA_HOME:-}" "$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")" /usr/lib/jvm/*; do
        [ -x "$home/bin/java" ] || continue
        release=$("$home/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
        [ "${release:-0}" -lt 21 ] || { echo "$home/bin/java"; return; }
    done
    echo "no Java of version 21 or later was found" >&2
    exit 3
}

make() { # aside, then renamed: others may do the same now
    [ ! -d "$made" ] || return 0
    command -v mvn >/dev/null || { echo "neither Maven nor $made is there" >&2; exit 3; }
    local new
    mkdir -p "$(dirname "$made")"
    new=$(mktemp -d "$made.XXXXXX")
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$new" >"$new/log" 2>&1 ||
        { tail -5 "$new/log" >&2; rm -rf "$new"; echo "Maven does not get OpenSearch" >&2; exit 3; }
    "$java" -jar "$new"/ecj-*.jar -source 21 -target 21 -nowarn -cp "$(printf '%s:' "$new"/*.jar)" -d "$new" "$here/Node.java"
    mv -T "$new" "$made" 2>/dev/null || rm -rf "$new"
}

node() { # compiled little and collected by one thread, as suits processes that are young and many
    mkdir -p "$dir/node-$1/config"
    nohup "$java" -Xms"$heap" -Xmx"$heap" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED \
        -cp "$made:$made/*" Node "$dir/node-$1" "$1" "$2" "$http" "$transport" "$owner" >"$dir/node-$1.log" 2>&1 </dev/null &
    echo $! >"$dir/node-$1.pid"
}

end() { # one node, by a signal
    local process
    process=$(cat "$dir/node-$2.pid")
    rm "$dir/node-$2.pid"
    kill "-$1" "$process" 2>/dev/null || return 0
    while kill -0 "$process" 2>/dev/null; do sleep 0.1; done
}

case $action in
start)
    nodes=${3:-3}
    java=$(find_java)
    make
    for n in $(seq "$nodes"); do node "$n" "$nodes"; done
    health="http://127.0.0.1:$((http + 1))/_cluster/health?wait_for_status=green&wait_for_nodes=$nodes&timeout=1s"
    for _ in $(seq 120); do
        ! curl -fs "$health" >/dev/null || exit 0
        sleep 0.5
    done
    tail -n 5 "$dir"/node-*.log >&2
    echo "the cluster is not green after a minute" >&2
    exit 1
    ;;
node)
    java=$(find_java)
    make
    node "$3" "${4:-3}"
    ;;
kill) end KILL "$3" ;;
stop)
    for file in "$dir"/node-*.pid; do
        [ ! -f "$file" ] || end TERM "$(basename "$file" .pid | cut -d- -f2)" &
    done
    wait
    ;;
*)
    sed -n 2,9p "$0"
    exit 2
    ;;
esac
