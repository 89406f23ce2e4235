import { InferenceSession, Tensor as OnnxTensor } from "onnxruntime-node";
import type { DType } from "../../../src/engine/dtype.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;
type Known = keyof typeof arrays;

/** A tensor of ours for onnxruntime. */
function handOver(value: Tensor): OnnxTensor {
  const dtype = value.dtype as Known;
  const bytes = value.toBytes().slice().buffer;
  return new OnnxTensor(dtype, new arrays[dtype](bytes) as Float32Array, [...value.shape]);
}

/** An open file; every call runs it on one thread. Close it. */
export async function openSession(model: Uint8Array | string): Promise<{
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  run(inputs: Readonly<Record<string, Tensor>>, wanted?: readonly string[]): Promise<Record<string, Tensor>>;
  close(): Promise<void>;
}> {
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const;
  const session =
    typeof model === "string"
      ? await InferenceSession.create(model, options)
      : await InferenceSession.create(model, options);
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    run: async (inputs, wanted = session.outputNames) => {
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, handOver(value)]));
      const made = await session.run(feeds, [...wanted]);
      return Object.fromEntries(
        Object.entries(made).map(([name, { type, data, dims }]) => {
          const dtype = type as DType;
          return [name, tensor(data as Float32Array, dims, { dtype })];
        }),
      );
    },
    close: () => session.release(),
  };
}
