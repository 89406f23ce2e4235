/** Two-sided 95 % of the normal distribution. */
const z95 = 1.959964;

/**
 * Between which accuracies the true one lies, 19 times of 20, where `accuracy` was seen on `count` pictures (Wilson, JASA 1927): right for
 * few pictures and for accuracies near 0 and 1 too. @param accuracy from 0 to 1
 */
export function wilsonInterval(accuracy: number, count: number): readonly [low: number, high: number] {
  const square = z95 ** 2 / count;
  const centre = (accuracy + square / 2) / (1 + square);
  const half = (z95 / (1 + square)) * Math.sqrt((accuracy * (1 - accuracy) + square / 4) / count);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
