#!/bin/sh
# PID 1 of jvisor's default Linux guest. Leaving the shell, or `poweroff`, powers the partition off.
export PATH=/bin:/sbin HOME=/root TERM="${TERM:-linux}"
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /run /tmp /root
mount -t devpts pts /dev/pts
mount -t tmpfs run /run
# Busybox poweroff/halt/reboot without -f signal PID 1; this script is PID 1.
trap 'sync; poweroff -f' USR2
trap 'sync; halt -f' USR1
trap 'sync; reboot -f' TERM
hostname jvisor
ip link set lo up 2>/dev/null

# The Hyper-V drivers are of use only where VMBus is.
vmbus_announced() {
    for device in /sys/bus/acpi/devices/VMBUS:* /sys/bus/acpi/devices/VMBus:*; do
        [ -e "$device" ] && return 0
    done
    return 1
}
if vmbus_announced; then
    for module in hv_vmbus hv_utils hv_storvsc sd_mod hv_netvsc hyperv_keyboard hv_balloon; do
        modprobe "$module" || echo "jvisor: module $module does not load"
    done
fi

read -r uptime rest < /proc/uptime
echo "jvisor: Linux $(uname -r) is up, $(nproc) processor(s), ${uptime} s after the kernel started; 'poweroff' or leaving the shell ends it"
# cttyhack finds the terminal behind /dev/console, so that the shell has job control.
setsid cttyhack sh -l </dev/console >/dev/console 2>&1 &
# A trapped signal ends wait early, and its trap does not come back here.
wait $!
sync
poweroff -f
