#!/bin/sh
# lazaret: persistence
# What starts by itself: cron, timers, services, shells' start files.
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

# Lines of files, each with the file's name, without comments. A file's beginning is enough, and an endless line in it
# takes no memory.
lines() {
    for file in "$@"; do
        if [ -f "$file" ] && [ -r "$file" ]; then
            ls -l --time-style=full-iso "$file" 2> /dev/null || ls -l "$file"
            bounded head -c 65536 "$file" 2> /dev/null | grep -a -v -e '^[[:space:]]*#' -e '^[[:space:]]*$' \
                | head -n 15 | cut -c 1-300 | sed 's/^/    /'
        fi
    done
}

collect() {
    date -u '+taken %Y-%m-%dT%H:%M:%SZ'
    printf '\n== cron\n'
    lines /etc/crontab /etc/cron.d/* /var/spool/cron/* /var/spool/cron/crontabs/*
    ls -l /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly 2> /dev/null
    printf '\n== units that were written here\n'
    bounded find /etc/systemd/system /usr/local/lib/systemd /run/systemd/system -maxdepth 2 -type f -name '*.*' 2> /dev/null \
        | head -n 60 | while IFS= read -r unit; do
        ls -l "$unit"
        bounded head -c 65536 "$unit" 2> /dev/null | grep -a -E '^(Exec|OnCalendar|OnBoot|OnUnit)' | head -n 20 \
            | cut -c 1-300 | sed 's/^/    /'
    done
    if command -v systemctl > /dev/null 2>&1; then
        run systemctl list-timers --all --no-pager
        run systemctl list-units --type=service --state=running,failed --no-pager
    fi
    printf '\n== start files\n'
    lines /etc/rc.local /etc/profile.d/* /root/.profile /root/.bashrc /root/.bash_profile /home/*/.bashrc /home/*/.profile
    show /etc/ld.so.preload
    printf '\n== files in temporary folders that can be run\n'
    bounded find /tmp /var/tmp /dev/shm -xdev -type f -perm -100 2> /dev/null | head -n 60 | while IFS= read -r file; do
        ls -l "$file"
    done
}

collect | head -c 23000
exit 0
