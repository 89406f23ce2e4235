// Features and classes for k-NN: a centre for each class, and three times as much noise around it.
// usage: node knn-inputs.mjs '<a case>' out.safetensors
import { writeSafetensors } from "../../../dist/formats/safetensors.js";
import { rawOf } from "../../../dist/models/weights.js";
import { Rng } from "../../../dist/tensor/random.js";

const { bank, batch, width, classes } = JSON.parse(process.argv[2]);
const rows = (count) => Array.from({ length: count }, (_, row) => row);
const centres = new Rng(0, "centres", 0, rows(classes)).normal([width]); // [K D]

/** Row i is of class i mod K. */
function features(purpose, count) {
  const noise = new Rng(0, purpose, 0, rows(count / classes)).normal([classes, width]); // [N/K K D]
  return rawOf(noise.mul(3).add(centres).reshape([count, width])); // [N D]
}

writeSafetensors(process.argv[3], [
  ["bank", features("bank", bank)],
  ["queries", features("queries", batch)],
]);
