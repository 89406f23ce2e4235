import { checkDevice, defaultPrecision } from "../../engine/device.js";
import { machineLimits } from "../../engine/limits.js";

export interface MachineFacts {
  readonly cores: number;
  readonly memoryBytes: number;
  readonly device: "cpu" | "cuda";
  /** Matrix products in bfloat16, in hardware. */
  readonly bfloat16: boolean;
}

/** Looks at this machine; asks libtorch whether there is a GPU. */
export function machineFacts(wanted?: string): MachineFacts {
  const device = wanted?.startsWith("cpu") !== true && hasCuda() ? "cuda" : "cpu";
  return { ...machineLimits(), device, bfloat16: defaultPrecision(device) === "bfloat16" };
}

function hasCuda(): boolean {
  try {
    checkDevice("cuda");
    return true;
  } catch {
    return false;
  }
}
