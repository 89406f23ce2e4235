import { StateError } from "../../engine/errors.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";
import type { Constant, WeightForm } from "./graph.js";
import type { ElementType } from "./schema.js";

/** The bytes of a constant, little-endian, row by row. @param state of the module, for what is a parameter there */
export function constantBytes({ data, type }: Constant, state: ReadonlyMap<string, Tensor>): Uint8Array {
  return noGrad(() =>
    scope(() => {
      if (!("weight" in data)) return numberBytes(data, type);
      const parameter = state.get(data.weight);
      if (parameter === undefined) throw noParameter(data.weight, [...state.keys()]);
      return weightBytes(parameter, data.form, type);
    }),
  );
}

function noParameter(name: string, known: readonly string[]): StateError {
  const problem = `no parameter is named ${name}.`;
  const remedy = "Give the state of the module that the graph was recorded of.";
  return new StateError({ problem, code: "no-parameter", path: name, expected: known, actual: name, remedy });
}

function numberBytes(numbers: readonly number[], type: ElementType): Uint8Array {
  if (type === "int64") return tensor(BigInt64Array.from(numbers, BigInt)).toBytes();
  return tensor(Float64Array.from(numbers)).to(type).toBytes();
}

function weightBytes(parameter: Tensor, form: WeightForm, type: ElementType): Uint8Array {
  const here = parameter.toDevice("cpu");
  if (form === "plain") return here.to(type).toBytes();
  const turned = here
    .reshape([here.side(0), -1])
    .transpose(0, 1)
    .contiguous(); // [I O]
  if (form === "transposed") return turned.to(type).toBytes();
  const quantized = quantize(turned.float().toArray() as Float32Array, turned.side(1));
  const part = form === "quantized" ? quantized.values : quantized.scales;
  return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
}

/**
 * A matrix [I O] as eight-bit numbers with a scale for each column: symmetric, the column's largest magnitude at 127, rounded to
 * the nearest, ties to even.
 */
export function quantize(matrix: Float32Array, columns: number): { values: Int8Array; scales: Float32Array } {
  const scales = new Float32Array(columns);
  for (let start = 0; start < matrix.length; start += columns)
    for (let column = 0; column < columns; column++)
      scales[column] = Math.max(scales[column] ?? 0, Math.abs(matrix[start + column] ?? 0));
  for (let column = 0; column < columns; column++) scales[column] = (scales[column] || 127) / 127; // a column of zeros
  const values = new Int8Array(matrix.length); // plain loops: 86 million weights take a second
  for (let start = 0; start < matrix.length; start += columns)
    for (let column = 0; column < columns; column++)
      values[start + column] = roundToEven((matrix[start + column] ?? 0) / (scales[column] ?? 1));
  return { values, scales };
}

function roundToEven(value: number): number {
  const nearest = Math.round(value);
  return Math.abs(value % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}
