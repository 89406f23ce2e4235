/**
 * The part of ONNX's schema that we write (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, IR version 9): the
 * names and numbers of its fields, for protobufjs, which does the encoding.
 */
import protobuf from "protobufjs/light.js";

/** Numbers of `TensorProto.DataType`. */
export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const;
export type ElementType = keyof typeof elementTypes;

/** Numbers of `AttributeProto.AttributeType`. */
export const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7 } as const;

export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData?: Uint8Array;
  readonly externalData?: readonly StringPair[];
  readonly dataLocation?: number;
}

export interface AttributeProto {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly t?: TensorProto;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
}

export interface NodeProto {
  readonly name: string;
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly AttributeProto[];
}

export interface ValueInfoProto {
  readonly name: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape: { readonly dim: readonly { readonly dimValue?: number; readonly dimParam?: string }[] };
    };
  };
  readonly docString?: string;
}

interface StringPair {
  readonly key: string;
  readonly value: string;
}

export interface ModelProto {
  readonly irVersion: number;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly producerName: string;
  readonly producerVersion: string;
  readonly docString: string;
  readonly metadataProps: readonly StringPair[];
  readonly graph: {
    readonly name: string;
    readonly node: readonly NodeProto[];
    readonly initializer: readonly TensorProto[];
    readonly input: readonly ValueInfoProto[];
    readonly output: readonly ValueInfoProto[];
    readonly valueInfo: readonly ValueInfoProto[];
  };
}

type FieldText = `${"" | "repeated "}${string} ${number}`;

/** `{ dims: "repeated int64 1" }` -> protobufjs's own form */
function message(fields: Readonly<Record<string, FieldText>>): protobuf.IType {
  const entries = Object.entries(fields).map(([name, text]) => {
    const [id = "", type = "", rule] = text.split(" ").reverse();
    return [name, { id: Number(id), type, ...(rule === undefined ? {} : { rule }) }] as const;
  });
  return { fields: Object.fromEntries(entries) };
}

const root = protobuf.Root.fromJSON({
  options: { syntax: "proto3" },
  nested: {
    StringStringEntryProto: message({ key: "string 1", value: "string 2" }),
    OperatorSetIdProto: message({ domain: "string 1", version: "int64 2" }),
    TensorProto: message({
      dims: "repeated int64 1",
      dataType: "int32 2",
      name: "string 8",
      rawData: "bytes 9",
      externalData: "repeated StringStringEntryProto 13",
      dataLocation: "int32 14",
    }),
    AttributeProto: message({
      name: "string 1",
      f: "float 2",
      i: "int64 3",
      s: "bytes 4",
      t: "TensorProto 5",
      floats: "repeated float 7",
      ints: "repeated int64 8",
      type: "int32 20",
    }),
    NodeProto: message({
      input: "repeated string 1",
      output: "repeated string 2",
      name: "string 3",
      opType: "string 4",
      attribute: "repeated AttributeProto 5",
    }),
    Dimension: {
      oneofs: { value: { oneof: ["dimValue", "dimParam"] } },
      ...message({ dimValue: "int64 1", dimParam: "string 2" }),
    },
    TensorShapeProto: message({ dim: "repeated Dimension 1" }),
    TensorTypeProto: message({ elemType: "int32 1", shape: "TensorShapeProto 2" }),
    TypeProto: message({ tensorType: "TensorTypeProto 1" }),
    ValueInfoProto: message({ name: "string 1", type: "TypeProto 2", docString: "string 3" }),
    GraphProto: message({
      node: "repeated NodeProto 1",
      name: "string 2",
      initializer: "repeated TensorProto 5",
      input: "repeated ValueInfoProto 11",
      output: "repeated ValueInfoProto 12",
      valueInfo: "repeated ValueInfoProto 13",
    }),
    ModelProto: message({
      irVersion: "int64 1",
      producerName: "string 2",
      producerVersion: "string 3",
      docString: "string 6",
      graph: "GraphProto 7",
      opsetImport: "repeated OperatorSetIdProto 8",
      metadataProps: "repeated StringStringEntryProto 14",
    }),
  },
});

/** The bytes of an .onnx file. */
export function encodeModel(model: ModelProto): Uint8Array {
  return root.lookupType("ModelProto").encode(model).finish();
}

/** What is in a file; fields that we never write are passed over. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  const type = root.lookupType("ModelProto");
  return type.toObject(type.decode(bytes), { longs: Number, defaults: true, arrays: true }) as ModelProto;
}
