// What is compared: every case, in the order of the table.
import { dataCases, loopCases, smallCases } from "./small.mjs";
import { encoderCases, trainingCases } from "./training.mjs";

/**
 * @typedef {object} Case what one step is; besides these, what its kind asks for
 * @property {string} name
 * @property {string} kind of kinds.mjs
 * @property {string} title
 * @property {number} batch how many of the unit a step has
 * @property {string} unit
 * @property {readonly string[]} precisions
 * @property {number} [threads] where it is a measurement of one core
 * @property {"call"} [per] milliseconds are given for one of the unit, not for a step
 */

/** @type {readonly Case[]} */
export const cases = [...trainingCases, ...encoderCases, ...dataCases, ...loopCases, ...smallCases];

/** The absolute learning rate of a case (MAE, appendix A.1: base × batch / 256). */
export function learningRate({ baseLearningRate, batch }) {
  return (baseLearningRate * batch) / 256;
}
