/** The two passes in native code with AVX2, twice as fast as `kernel-passes.ts`; the same bits. */
import { pixelsAddon } from "../decode/addon.js";
import type { Plan, Plane } from "./passes.js";

/** uint8 [plan.height plan.width C]; undefined where the addon or AVX2 is not there, or a picture shrinks a thousandfold. */
export function resampleNatively(plane: Plane, plan: Plan): Uint8Array | undefined {
  const { data, offset, rowBytes, height, width, channels } = plane;
  const { columns, rows, verticalFirst } = plan;
  const addon = pixelsAddon();
  if (addon?.resample === undefined || data.length > 0x7fffffff) return undefined; // 32 bits count no further
  const target = new Uint8Array(plan.height * plan.width * channels);
  const strides = [columns?.stride ?? 0, rows?.stride ?? 0] as const;
  const numbers = Int32Array.of(offset, rowBytes, height, width, channels, ...strides, verticalFirst ? 1 : 0);
  const tables = [columns?.first, columns?.count, columns?.values, rows?.first, rows?.count, rows?.values];
  return addon.resample(data, target, numbers, ...tables) ? target : undefined;
}
