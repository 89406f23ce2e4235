/** A clock for tests of what is settled by one: no machine is too slow for them, or too fast. */
import { onTestFinished, vi } from "vitest";

/**
 * Makes `performance.now` go on by so many milliseconds whenever it is asked, and not otherwise, until the test is over.
 * @returns what lets more of it pass, in milliseconds
 */
export function tickingClock(tickMs = 5): (ms: number) => void {
  let now = 0;
  const spy = vi.spyOn(performance, "now").mockImplementation(() => (now += tickMs));
  onTestFinished(() => spy.mockRestore());
  return (ms) => {
    now += ms;
  };
}
