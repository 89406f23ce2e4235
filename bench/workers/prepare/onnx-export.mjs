// Lacuna's ONNX file of the weights that pytorch/models/export.py drew.
// usage: node onnx-export.mjs FOLDER   (model.safetensors -> lacuna.onnx)
import { join } from "node:path";
import { encoderOnnx } from "../../../dist/export/onnx.js";
import { loadModel } from "../../../dist/train/checkpoints/load.js";

const [folder] = process.argv.slice(2);
const model = loadModel(join(folder, "model.safetensors"));
encoderOnnx(model, { precision: "fp32" }).write(join(folder, "lacuna.onnx"));
model.close();
