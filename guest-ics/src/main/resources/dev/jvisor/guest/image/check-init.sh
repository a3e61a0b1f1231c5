#!/bin/sh
# PID 1 of the check guest: runs commands whose answers are known to be the same on every correct CPU,
# prints "RESULT name value" lines and powers off. Nothing here may depend on time, randomness or the machine.
export PATH=/bin:/sbin HOME=/root LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /tmp
mount -t tmpfs tmp /tmp
# Console messages must not cut a RESULT line in two.
dmesg -n 1
cd /tmp
result() { echo "RESULT $1 $2"; }
first() { set -- $1; echo "$1"; }
echo "CHECK begin $(uname -r)"

# Integer arithmetic of the shell (64 bits) and of bc and dc (arbitrary precision).
result sh-arith $(( (123456789 * 987654321) % 1000003 + (1 << 40) / 7 - (-17 % 5) ))
result sh-wrap $(( 9223372036854775807 + 1 ))
result sh-loop "$(i=0; s=1; while [ $i -lt 2000 ]; do s=$(( (s * 6364136223846793005 + 1442695040888963407) ^ (s >> 29) )); i=$((i + 1)); done; echo $s)"
result bc-pow "$(echo '2^521 % 1000000007; 3^200 % 97' | bc | tr '\n' ,)"
result bc-pi "$(echo 'scale=30; 4*a(1)' | bc -l)"
result bc-sqrt "$(echo 'scale=40; sqrt(2)' | bc)"
result dc-fact "$(echo '[d1-d1<F*]dsFx' | dc -e '25 [d1-d1<F*]sF lFx p' 2>/dev/null)"
result factor "$(factor 1000000016000000063 | tr ' ' _)"

# Floating point through awk (busybox has no libm in it): formatting, accumulation order, series, Newton's method.
result awk-float "$(awk 'BEGIN { s = 0; for (i = 1; i <= 20000; i++) s += 1 / (i * i); printf "%.15g", s }')"
result awk-series "$(awk 'BEGIN { e = t = 1; for (i = 1; i < 30; i++) { t /= i; e += t } s = t = 1.25; for (i = 1; i < 20; i++) { t *= -1.25 * 1.25 / ((2 * i) * (2 * i + 1)); s += t } r = 3; for (i = 0; i < 40; i++) r = (r + 3 / r) / 2; printf "%.17g,%.17g,%.17g", e, s, r }')"
result awk-format "$(awk 'BEGIN { x = 1; for (i = 0; i < 1000; i++) x *= 1.001; y = 1; for (i = 0; i < 1060; i++) y /= 2; printf "%.15g,%d,%e,%x,%g,%.3f,%g", x, -7.9, 12345.678e10, 3735928559, y, 2.5e-3, 1e308 * 10 }')"
result awk-mandel "$(awk 'BEGIN { t = 0; for (y = -12; y <= 12; y++) for (x = -20; x <= 10; x++) { cr = x / 10; ci = y / 10; zr = zi = 0; for (n = 0; n < 60 && zr * zr + zi * zi < 4; n++) { q = zr * zr - zi * zi + cr; zi = 2 * zr * zi + ci; zr = q } t = (t * 31 + n) % 1000000007 } printf "%d", t }')"

# Generated data, then every checksum busybox has.
seq 1 20000 > numbers
awk 'BEGIN { x = 12345; for (i = 0; i < 6000; i++) { x = (x * 69069 + 12345) % 2147483648; printf "%08x %d\n", x, x % 1000 } }' > random
cat numbers random > data
result size "$(wc -c < data)"
result md5 "$(first "$(md5sum data)")"
result sha1 "$(first "$(sha1sum data)")"
result sha256 "$(first "$(sha256sum data)")"
result sha512 "$(first "$(sha512sum data)")"
result sha3 "$(first "$(sha3sum data)")"
result crc32 "$(first "$(crc32 data)")"

# Sorting, text tools, regular expressions.
result sort "$(first "$(sort random | md5sum)")"
result sort-numeric "$(first "$(sort -n -k2 random | md5sum)")"
result sort-unique "$(cut -d' ' -f2 random | sort -n | uniq -c | sort -rn | head -n 3 | tr -s ' \n' '_,')"
result sed "$(first "$(sed -e 's/\([0-9a-f]*\) \([0-9]*\)/\2-\1/' -e '/^1/d' random | sha1sum)")"
result grep "$(grep -c -E '^(3|5)[0-9]+[c-f]' random)"
result tr-rev "$(first "$(rev data | tr 0-9 a-j | tac | md5sum)")"
result base64 "$(first "$(base64 data | md5sum)")"
result xxd "$(first "$(xxd data | md5sum)")"
result od "$(first "$(od -A x -t x1 data | md5sum)")"

# Compression round trips.
gzip -c data > data.gz && result gzip "$(first "$(gzip -dc data.gz | sha256sum)")"
result gzip-size "$(wc -c < data.gz)"
bzip2 -c data > data.bz2 && result bzip2 "$(first "$(bzip2 -dc data.bz2 | sha256sum)")"
tar cf data.tar numbers random && result tar "$(first "$(tar xOf data.tar random | md5sum)")"
find numbers random | cpio -o -H newc 2>/dev/null > data.cpio && result cpio "$(first "$(cpio -t 2>/dev/null < data.cpio | md5sum)")"

# Files, pipes, processes, signals.
dd if=/dev/zero bs=4096 count=512 2>/dev/null | tr '\0' 'A' > big && result dd "$(first "$(md5sum big)")"
dd if=big of=copy bs=777 2>/dev/null && cmp big copy && result cmp same
result fork "$(n=0; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do n=$((n + $(echo "$i" | cat | cat))); done; echo $n)"
result signal "$(sh -c 'trap "echo caught; exit 0" USR1; kill -USR1 $$; echo lost')"
sleep 100 & child=$!; kill "$child"; wait "$child"; result killed $?
mkfifo pipe; (seq 1 500 > pipe) & result fifo "$(awk '{ s += $1 } END { print s }' < pipe)"; wait
result parallel "$( (for j in 1 2 3 4; do (awk -v j=$j 'BEGIN { s = 0; for (i = 0; i < 5000; i++) s = (s * 31 + i * j) % 65521; print j, s }') & done; wait) | sort | md5sum | cut -c1-32)"
result done ok
# For people who look into a failure; the CPU's own complaints are looked for by the reader of the log.
dmesg | grep -i -E 'oops|BUG:|WARNING:|unable to handle|invalid opcode|general protection|lost interrupt|stall' && echo "CHECK complaints"
echo "CHECK end"
sync
poweroff -f
