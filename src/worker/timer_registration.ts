/** What task code registers for the clock, as the schedules take it. @pure */

import type { Registration } from "../schedule/registration.ts";
import type { TimerWish } from "./registered.ts";

export function registrationOf(wish: TimerWish): Registration {
  const { signal, name, file, line = 0 } = wish;
  const about = {
    name: wish.function ?? name ?? null,
    signal,
    place: file === undefined ? null : { file, line },
    ...(name === undefined ? {} : { formerNames: [name] }),
  };
  switch (wish.kind) {
    case "timer":
      return { ...about, time: { kind: "timer", seconds: wish.seconds } };
    case "rbtimer": {
      const { seconds, iterations } = wish;
      return { ...about, time: { kind: "rbtimer", seconds, iterations } };
    }
    case "cron": {
      const { minute, hour, day, month, weekday } = wish;
      return { ...about, time: { kind: "cron", fields: [minute, hour, day, month, weekday] } };
    }
    default:
      return wish satisfies never;
  }
}
