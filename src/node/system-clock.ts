import type { Cancel, Clock } from "../base/clock.ts";

/** Node's timers hold at most a signed 32-bit count of milliseconds; longer ones fire at once. */
const timerDelayMsMax = 2 ** 31 - 1;

/** The machine's own time. Its timers never keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (delayMs, callback) => scheduleTimer(Math.max(0, delayMs), callback),
};

function scheduleTimer(delayMs: number, callback: () => void): Cancel {
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    const sleepMs = Math.min(leftMs, timerDelayMsMax);
    const rest = leftMs - sleepMs;
    timer = setTimeout(() => (rest > 0 ? arm(rest) : callback()), sleepMs);
    timer.unref();
  };
  arm(delayMs);
  return () => clearTimeout(timer);
}
