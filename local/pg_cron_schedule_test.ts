import assert from "node:assert/strict";
import { type CalendarSchedule, isDue, nextMinute } from "./pg_cron_schedule.ts";

const EVERY_DAY: CalendarSchedule = {
  kind: "calendar",
  minutes: [30],
  hours: [12],
  days: [1],
  months: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  weekdays: [1],
  isLastDay: false,
  isAnyDay: false,
  isAnyWeekday: false,
};

Deno.test("a day fits when both day fields fit, or either when neither is a star", () => {
  const at = (text: string) => Date.parse(text);
  const firstButTuesday = at("2026-09-01T12:30:00Z");
  const mondayButSeventh = at("2026-09-07T12:30:00Z");
  assert.equal(isDue(EVERY_DAY, firstButTuesday), true);
  assert.equal(isDue(EVERY_DAY, mondayButSeventh), true);
  assert.equal(isDue(EVERY_DAY, at("2026-09-02T12:30:00Z")), false);
  const onlyDay = { ...EVERY_DAY, weekdays: [0, 1, 2, 3, 4, 5, 6, 7], isAnyWeekday: true };
  assert.equal(isDue(onlyDay, firstButTuesday), true);
  assert.equal(isDue(onlyDay, mondayButSeventh), false);
  assert.equal(isDue(EVERY_DAY, at("2026-09-01T12:31:00Z")), false);
  assert.equal(isDue(EVERY_DAY, at("2026-09-01T13:30:00Z")), false);
});

Deno.test("seven is Sunday and the dollar sign is the last day of the month, also in a leap year", () => {
  const sunday = {
    ...EVERY_DAY,
    weekdays: [7],
    isAnyDay: true,
    days: Array.from({ length: 31 }, (_, n) => n + 1),
  };
  assert.equal(isDue(sunday, Date.parse("2026-09-06T12:30:00Z")), true);
  assert.equal(isDue(sunday, Date.parse("2026-09-07T12:30:00Z")), false);
  const last = {
    ...EVERY_DAY,
    days: [],
    isLastDay: true,
    isAnyWeekday: true,
    weekdays: [0, 1, 2, 3, 4, 5, 6],
  };
  assert.equal(isDue(last, Date.parse("2028-02-29T12:30:00Z")), true);
  assert.equal(isDue(last, Date.parse("2028-02-28T12:30:00Z")), false);
  assert.equal(isDue(last, Date.parse("2026-02-28T12:30:00Z")), true);
});

Deno.test("the next minute is later than a time that is itself a full minute", () => {
  assert.equal(nextMinute(60_000), 120_000);
  assert.equal(nextMinute(59_999), 60_000);
});
