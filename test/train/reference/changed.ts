import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { SafetensorsFile, type TensorToWrite, writeSafetensors } from "../../../src/formats/safetensors.js";
import { temporaryFolder } from "../../cli/terminal.js";

/** A file of test/reference. */
export function referencePath(name: string): string {
  return fileURLToPath(new URL(`../../reference/${name}.safetensors`, import.meta.url));
}

export interface Change {
  /** Text of the metadata's config, and what stands there instead. */
  config?: readonly [string, string];
  /** Metadata or a tensor that is left out. */
  without?: string;
  /** The values of this float32 tensor are changed in place. */
  tensor?: readonly [name: string, change: (values: Float32Array) => void];
}

/** A copy of a file that says something else. */
export function changed(name: string, { config, without, tensor }: Change): string {
  using file = SafetensorsFile.open(referencePath(name));
  const metadata: Record<string, string> = { ...file.metadata };
  if (config !== undefined) {
    expect(metadata["config"]).toContain(config[0]);
    metadata["config"] = (metadata["config"] ?? "").replace(config[0], config[1]);
  }
  if (without !== undefined) {
    expect(metadata[without] !== undefined || file.has(without)).toBe(true);
    delete metadata[without];
  }
  const tensors = file.names
    .filter((key) => key !== without)
    .map((key): [string, TensorToWrite] => {
      const { dtype, shape, data } = file.read(key);
      const bytes = Uint8Array.from(data);
      if (tensor?.[0] === key) tensor[1](new Float32Array(bytes.buffer));
      return [key, { dtype, shape, data: bytes }];
    });
  const path = join(temporaryFolder(), "changed.safetensors");
  writeSafetensors(path, tensors, metadata);
  return path;
}
