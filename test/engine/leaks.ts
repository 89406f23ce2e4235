import { afterEach, beforeEach } from "vitest";
import { liveTensors } from "../../src/engine/scope.js";

/** Every test of the file leaves as many tensors alive as it found. */
export function leavesNoTensors(): void {
  let before = 0;
  beforeEach(() => {
    before = liveTensors();
  });
  afterEach(() => {
    const left = liveTensors() - before;
    if (left !== 0) throw new Error(`the test changed the number of live tensors by ${left}`);
  });
}
