/**
 * `lacuna/formats`: files of weights and arrays as bytes: safetensors, torch.save, npy, IDX. Nothing in them is run. Files that
 * appear whole or not at all.
 * @module lacuna/formats
 */
export { csvCell } from "../formats/csv.js";
export { FormatError } from "../formats/errors.js";
export { parseIdx } from "../formats/idx.js";
export { encodeNpy, npyHeader, parseNpy } from "../formats/npy.js";
export { encodeSafetensors, SafetensorsFile, safetensorsHeader, writeSafetensors } from "../formats/safetensors.js";
export { TorchFile } from "../formats/torch-pickle.js";
export { AtomicFile, checkWritable, makeFolder, writeAtomic } from "../runs/write-atomic.js";
