/** When a job of pg_cron is due. The database parses schedules (sql/cron.sql); this file knows what they mean. */

/** Every N seconds, counted from the start of the run before. */
export interface IntervalSchedule {
  readonly kind: "interval";
  /** 1 to 59. */
  readonly seconds: number;
}

/** Five crontab fields as the values they allow. Times are UTC. */
export interface CalendarSchedule {
  readonly kind: "calendar";
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** Days of the month; empty together with `isLastDay`. */
  readonly days: readonly number[];
  readonly months: readonly number[];
  /** 0 to 7; both 0 and 7 are Sunday. */
  readonly weekdays: readonly number[];
  readonly isLastDay: boolean;
  readonly isAnyDay: boolean;
  readonly isAnyWeekday: boolean;
}

/** Once whenever the scheduler starts. */
export interface RebootSchedule {
  readonly kind: "reboot";
}

/** A parsed schedule, as `cron._parse_schedule` returns it. */
export type Schedule = IntervalSchedule | CalendarSchedule | RebootSchedule;

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * True when the schedule names the minute of the given time. A day must fit both the day of the month and the day of
 * the week when one of the two is `*`, and either of them when both are given: the old rule of cron.
 */
export function isDue(schedule: CalendarSchedule, timeMs: number): boolean {
  const time = new Date(timeMs);
  const isLastDay = new Date(timeMs + DAY_MS).getUTCDate() === 1;
  const weekday = time.getUTCDay();
  const fitsDay = schedule.isLastDay ? isLastDay : schedule.days.includes(time.getUTCDate());
  const fitsWeekday = schedule.weekdays.includes(weekday) || (weekday === 0 && schedule.weekdays.includes(7));
  const fitsBoth = schedule.isAnyDay || schedule.isAnyWeekday;
  return schedule.minutes.includes(time.getUTCMinutes()) &&
    schedule.hours.includes(time.getUTCHours()) &&
    schedule.months.includes(time.getUTCMonth() + 1) &&
    (fitsBoth ? fitsDay && fitsWeekday : fitsDay || fitsWeekday);
}

/** The beginning of the minute after the given time, both in milliseconds since 1970. */
export function nextMinute(timeMs: number): number {
  return (Math.floor(timeMs / MINUTE_MS) + 1) * MINUTE_MS;
}
