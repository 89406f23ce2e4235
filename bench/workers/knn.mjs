// k-NN as `lacuna evaluate knn` does it, on features in memory.
import { libtorchVersion } from "../../dist/engine/device.js";
import { setThreads, threads } from "../../dist/engine/modes.js";
import { knn } from "../../dist/evaluate/probes/knn.js";
import { SafetensorsFile } from "../../dist/formats/safetensors.js";
import { tensorOf } from "../../dist/models/weights.js";

class Neighbours {
  constructor({ inputs, settings }) {
    const file = SafetensorsFile.open(inputs);
    const labelled = (name) => {
      const features = tensorOf(file.read(name)); // [N D]
      const labels = Int32Array.from({ length: features.side(0) }, (_, row) => row % settings.classes);
      return { features, labels };
    };
    this.bank = labelled("bank");
    this.queries = labelled("queries");
    file.close();
    const { k, temperature } = settings;
    this.options = { k: [k], temperature };
  }

  check() {
    return { values: [...knn(this.bank, this.queries, this.options)[0].predictions] };
  }

  step() {
    const began = performance.now();
    knn(this.bank, this.queries, this.options);
    return { milliseconds: performance.now() - began };
  }
}

export function open(options) {
  setThreads(options.threads);
  return { worker: new Neighbours(options), about: { threads: threads(), version: libtorchVersion() } };
}
