/** onnxruntime-web in the worker: which build, how many threads, and whether its numbers are right. */
import type { InferenceSession, Tensor } from "onnxruntime-web";
import type { Picture } from "../../../src/data/resample.js";
import type { PageDescription } from "../../../src/page/description.js";
import { orderOf } from "../mask/order.js";
import { normalized } from "../picture/pixels.js";
import { checkMask, differenceFrom } from "./check.js";
import type { Engine, Filled } from "./messages.js";

type Runtime = typeof import("onnxruntime-web");

/** More threads than this gain nothing on a model for one picture. */
const mostThreads = 8;

export class Model {
  private constructor(
    private readonly runtime: Runtime,
    private readonly session: InferenceSession,
    private readonly description: PageDescription,
  ) {}

  /** @param address of the page, ends in a slash; @param bytes the ONNX file; @param example for the check */
  static async open(
    description: PageDescription,
    {
      address,
      bytes,
      example,
      wanted,
    }: { address: string; bytes: Uint8Array; example: Picture; wanted?: "wasm" | undefined },
  ): Promise<{ model: Model; engine: Engine }> {
    let note: string | undefined;
    if (wanted !== "wasm" && (await hasGpu())) {
      try {
        const model = await Model.#load(description, address, bytes, "webgpu");
        const difference = await model.#difference(example);
        if (difference <= description.check.tolerance) {
          return { model, engine: { name: "WebGPU", threads: 1, difference, note } };
        }
        note = `WebGPU differs from libtorch by ${difference.toPrecision(2)}, so Wasm computes`;
        await model.session.release();
      } catch (error) {
        note = `WebGPU does not run this model (${error instanceof Error ? error.message : String(error)}), so Wasm computes`;
      }
    }
    const model = await Model.#load(description, address, bytes, "wasm");
    const difference = await model.#difference(example);
    return { model, engine: { name: "Wasm", threads: model.runtime.env.wasm.numThreads ?? 1, difference, note } };
  }

  static async #load(
    description: PageDescription,
    address: string,
    bytes: Uint8Array,
    provider: "webgpu" | "wasm",
  ): Promise<Model> {
    // Copied into the folder, not bundled: the page itself stays light.
    const runtime = (await import(/* @vite-ignore */ `${address}ort/ort.${provider}.min.mjs`)) as Runtime;
    runtime.env.wasm.wasmPaths = `${address}ort/`;
    runtime.env.wasm.numThreads = crossOriginIsolated ? Math.min(mostThreads, navigator.hardwareConcurrency) : 1;
    runtime.env.logLevel = "error";
    const session = await runtime.InferenceSession.create(bytes, { executionProviders: [provider] });
    return new Model(runtime, session, description);
  }

  async #difference(example: Picture): Promise<number> {
    const [p, q] = this.description.patch;
    const patches = (example.height / p) * (example.width / q);
    const { prediction } = await this.fill(example, orderOf(checkMask(this.description, patches)));
    return differenceFrom(this.description, prediction);
  }

  /** picture [H W C] and mask -> prediction [N P], attention [heads 1+K 1+K] */
  async fill(
    picture: Picture,
    { keep, restore }: { readonly keep: BigInt64Array; readonly restore: BigInt64Array },
  ): Promise<Filled> {
    const started = performance.now();
    const { prediction, attention } = await this.#run(picture, keep, restore, ["prediction", "attention"]);
    if (prediction === undefined) throw new Error("the model gives no prediction");
    return { prediction, attention, milliseconds: performance.now() - started };
  }

  /** picture [H W C] -> features [D] of all patches, nothing hidden */
  async features(picture: Picture): Promise<Float32Array | undefined> {
    const [p, q] = this.description.patch;
    const { keep, restore } = orderOf(new Uint8Array((picture.height / p) * (picture.width / q)));
    return (await this.#run(picture, keep, restore, ["features"]))["features"];
  }

  async #run(
    picture: Picture,
    keep: BigInt64Array,
    restore: BigInt64Array,
    wanted: readonly PageDescription["model"]["outputs"][number][],
  ): Promise<Partial<Record<string, Float32Array>>> {
    const { Tensor: Box } = this.runtime;
    const { height, width, channels } = picture;
    const inputs = {
      image: new Box("float32", normalized(picture, this.description), [1, channels, height, width]), // [1 C H W]
      ids_keep: new Box("int64", keep, [1, keep.length]), // [1 K]
      ids_restore: new Box("int64", restore, [1, restore.length]), // [1 N]
    };
    const names = wanted.filter((name) => this.description.model.outputs.includes(name));
    if (names.length === 0) return {};
    const outputs = await this.session.run(inputs, names);
    const values = await Promise.all(names.map((name) => numbersOf(outputs[name])));
    for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.dispose();
    return Object.fromEntries(names.map((name, i) => [name, values[i]]));
  }
}

async function numbersOf(tensor: Tensor | undefined): Promise<Float32Array | undefined> {
  return tensor === undefined ? undefined : Float32Array.from((await tensor.getData()) as Float32Array);
}

/** Whether there is a graphics processor, not a program that plays one. */
async function hasGpu(): Promise<boolean> {
  try {
    const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
    const adapter = await gpu?.requestAdapter();
    return adapter !== undefined && adapter !== null && adapter.info?.isFallbackAdapter !== true;
  } catch {
    return false;
  }
}

interface Adapter {
  readonly info?: { readonly isFallbackAdapter?: boolean };
}
