/** Where a run stands and how fast it goes: the text of the live line. */
import type { Pace } from "../../public/runs.js";
import { duration, figure } from "../words.js";

/** `4 min left · step 120/585 · epoch 0.6/3 · loss 0.812 · 498 images/s · 2 % waiting · rate 5.9e-4`: what matters most first */
export function paceText({ last, run, secondsLeft, loss, imagesPerSecond, waitShare }: Pace): string {
  if (last === undefined) return "starting";
  const { step, epoch, learningRate } = last;
  return [
    `${duration(secondsLeft)} left`,
    `step ${step}/${run.steps}`,
    `epoch ${epoch.toFixed(epoch < 10 ? 2 : 1)}/${Number(run.epochs.toFixed(2))}`,
    `loss ${loss.toFixed(4)}`,
    `${Math.round(imagesPerSecond)} images/s`,
    `${Math.round(100 * waitShare)} % waiting`,
    `rate ${figure(learningRate)}`,
  ].join(" · ");
}
