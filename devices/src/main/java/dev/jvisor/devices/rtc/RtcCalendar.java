package dev.jvisor.devices.rtc;

import static dev.jvisor.devices.rtc.RtcRegisters.*;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;

/** Between the clock's register bytes and seconds since 1970, in the formats that register B selects. Any byte a guest writes means something. */
final class RtcCalendar {
    /** {@link #nextAlarm}: no time matches. */
    static final long NEVER = Long.MAX_VALUE;

    private static final long SECONDS_PER_DAY = 86_400;

    private RtcCalendar() { }

    private static int encode(int value, int b) {
        return (b & B_BINARY) != 0 ? value : value / 10 % 10 << 4 | value % 10;
    }

    private static int decode(int raw, int b) {
        return (b & B_BINARY) != 0 ? raw & 0xFF : (raw >>> 4 & 15) * 10 + (raw & 15);
    }

    private static int encodeHour(int hour, int b) {
        if ((b & B_24H) != 0) {
            return encode(hour, b);
        }
        return encode(hour % 12 == 0 ? 12 : hour % 12, b) | (hour >= 12 ? HOUR_PM : 0);
    }

    private static int decodeHour(int raw, int b) {
        if ((b & B_24H) != 0) {
            return decode(raw, b);
        }
        return decode(raw & 0x7F, b) % 12 + ((raw & HOUR_PM) != 0 ? 12 : 0);
    }

    /** Writes the time registers, century included. */
    static void store(long seconds, byte[] cmos) {
        int b = cmos[B];
        LocalDateTime t = LocalDateTime.ofEpochSecond(Math.clamp(seconds, 0, 253_402_300_799L), 0, ZoneOffset.UTC);
        cmos[SECONDS] = (byte) encode(t.getSecond(), b);
        cmos[MINUTES] = (byte) encode(t.getMinute(), b);
        cmos[HOURS] = (byte) encodeHour(t.getHour(), b);
        cmos[WEEKDAY] = (byte) encode(t.getDayOfWeek().getValue() % 7 + 1, b);
        cmos[DAY] = (byte) encode(t.getDayOfMonth(), b);
        cmos[MONTH] = (byte) encode(t.getMonthValue(), b);
        cmos[YEAR] = (byte) encode(t.getYear() % 100, b);
        cmos[CENTURY] = (byte) encode(t.getYear() / 100, b);
    }

    /** {@return seconds since 1970 that the time registers say; values out of range carry over} */
    static long load(byte[] cmos) {
        int b = cmos[B];
        int year = decode(cmos[CENTURY], b) * 100 + decode(cmos[YEAR], b);
        long day = LocalDate.of(year, 1, 1).plusMonths(decode(cmos[MONTH], b) - 1L).plusDays(decode(cmos[DAY], b) - 1L).toEpochDay();
        return day * SECONDS_PER_DAY + decodeHour(cmos[HOURS], b) * 3600L + decode(cmos[MINUTES], b) * 60L + decode(cmos[SECONDS], b);
    }

    private static boolean matches(int raw, int value) {
        return (raw & ALARM_ANY) == ALARM_ANY || value == (raw & 0xFF);
    }

    /** {@return the first second after {@code after} at which the alarm registers match, or {@link #NEVER}} */
    static long nextAlarm(long after, byte[] cmos) {
        int b = cmos[B];
        long t = after + 1;
        long limit = t + SECONDS_PER_DAY;
        while (t < limit) {
            int ofDay = (int) Math.floorMod(t, SECONDS_PER_DAY);
            if (!matches(cmos[HOURS_ALARM], encodeHour(ofDay / 3600, b))) {
                t += 3600 - ofDay % 3600;
            } else if (!matches(cmos[MINUTES_ALARM], encode(ofDay / 60 % 60, b))) {
                t += 60 - ofDay % 60;
            } else if (!matches(cmos[SECONDS_ALARM], encode(ofDay % 60, b))) {
                t++;
            } else {
                return t;
            }
        }
        return NEVER;
    }
}
