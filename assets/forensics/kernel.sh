#!/bin/sh
# lazaret: kernel
# Kernel, modules, mounts, and what the kernel said last.
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

collect() {
    date -u '+taken %Y-%m-%dT%H:%M:%SZ'
    run uname -a
    show /etc/os-release
    show /proc/cmdline
    show /proc/sys/kernel/tainted
    if command -v lsmod > /dev/null 2>&1; then
        run lsmod
    else
        show /proc/modules
    fi
    show /proc/mounts
    run df -k
    command -v bpftool > /dev/null 2>&1 && run bpftool prog list
    if command -v dmesg > /dev/null 2>&1; then
        printf '\n== dmesg, its end\n'
        dmesg 2> /dev/null | tail -n 60
    fi
}

collect | head -c 23000
exit 0
