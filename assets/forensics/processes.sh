#!/bin/sh
# lazaret: processes
# Every process with its parent, owner, start, executable and arguments.
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
    show /proc/uptime
    show /proc/loadavg
    # The executables that are most often odd first: those outside the system's folders.
    printf '\n== executables outside /usr, /bin, /sbin, /lib and /opt/aws\n'
    for dir in /proc/[0-9]*; do
        exe=$(readlink "$dir/exe" 2> /dev/null) || continue
        case $exe in
            /usr/* | /bin/* | /sbin/* | /lib/* | /opt/aws/*) ;;
            *) printf '%s %s (in %s)\n' "${dir#/proc/}" "$exe" "$(readlink "$dir/cwd" 2> /dev/null)" ;;
        esac
    done
    # Busybox knows no -o of these names, and lists all with none. Arguments that fill pages hide no other process.
    if bounded ps -eo lstart --sort=-pcpu > /dev/null 2>&1; then
        run ps -eo pid,ppid,user,lstart,pcpu,pmem,args --sort=-pcpu -ww | cut -c 1-300
    elif command -v ps > /dev/null 2>&1; then
        run ps | cut -c 1-300
    else
        printf '\n== processes as /proc has them: pid, parent, user, arguments\n'
        for dir in /proc/[0-9]*; do
            ids=$(awk '/^PPid:/ { parent = $2 } /^Uid:/ { print parent, $2 }' "$dir/status" 2> /dev/null) || continue
            printf '%s %s %s\n' "${dir#/proc/}" "$ids" "$(tr '\000' ' ' < "$dir/cmdline" 2> /dev/null | head -c 300)"
        done
    fi
}

collect | head -c 23000
exit 0
