#!/bin/sh
# lazaret: sockets
# Sockets with the processes behind them, neighbours and routes.
# Only reads. Every command is bounded in time, the whole in output: SSM keeps the first 24,000 characters.
LC_ALL=C
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export LC_ALL PATH

# Runs a command with a bound where the host can bound one. What does not heed the first signal gets the last: a dead
# network file system takes no other.
bounded() {
    if command -v timeout > /dev/null 2>&1; then
        timeout -k 2 15 "$@"
    else
        "$@"
    fi
}

# The same under a title, its errors among its output.
run() {
    printf '\n== %s\n' "$*"
    bounded "$@" 2>&1
}

# Shows a file where it is one.
show() {
    if [ -f "$1" ] && [ -r "$1" ]; then
        run head -c 4000 "$1"
    fi
}

# Whether a part of the kernel is there. Asked for filters without it, the tools would load it: the host is only read.
loaded() {
    [ ! -r /proc/modules ] || grep -q "^$1 " /proc/modules \
        || grep -q "/$1\.ko" "/lib/modules/$(uname -r)/modules.builtin" 2> /dev/null
}

collect() {
    date -u '+taken %Y-%m-%dT%H:%M:%SZ'
    if command -v ss > /dev/null 2>&1; then
        run ss -H -tunap
        run ss -H -xlp
    elif command -v netstat > /dev/null 2>&1; then
        run netstat -tunap
    else
        show /proc/net/tcp
        show /proc/net/tcp6
        show /proc/net/udp
        show /proc/net/udp6
    fi
    if command -v ip > /dev/null 2>&1; then
        run ip addr show
        run ip route show table all
        run ip -6 route show
        run ip neigh show
    else
        show /proc/net/route
        show /proc/net/arp
    fi
    show /etc/resolv.conf
    show /etc/hosts
    if loaded ip_tables || loaded nf_tables; then
        command -v iptables-save > /dev/null 2>&1 && run iptables-save
    fi
    if loaded nf_tables; then
        command -v nft > /dev/null 2>&1 && run nft list ruleset
    fi
}

collect | head -c 23000
exit 0
