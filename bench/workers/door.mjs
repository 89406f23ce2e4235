// One small operation through the dispatch door, many times, its result released by a scope; less the same boxed call looped
// in C++ by the addon. What is left is what JavaScript adds.
import { binding } from "../../dist/engine/binding.js";
import { libtorchVersion } from "../../dist/engine/device.js";
import { openSchema } from "../../dist/engine/dispatch.js";
import { noGrad, setThreads, threads } from "../../dist/engine/modes.js";
import { schemas } from "../../dist/engine/ops.js";
import { scope } from "../../dist/engine/scope.js";
import { full } from "../../dist/tensor/creation.js";

/** Calls between two releases: a scope of this many operations, as a module's. */
const atOnce = 100;

const operations = {
  matmul: { schema: "matmul", call: (a, b) => a.matmul(b) },
  add: { schema: "add.Tensor", call: (a, b) => a.add(b) },
};

class Door {
  constructor({ settings }) {
    this.count = settings.batch;
    const { schema, call } = operations[settings.operation];
    this.call = call;
    this.schema = openSchema(schemas.find((text) => text.split("(")[0].replace("aten::", "") === schema));
    this.a = full([8, 8], 0.5);
    this.b = full([8, 8], 0.25);
  }

  check() {
    return { values: scope(() => [...this.call(this.a, this.b).toArray()]) };
  }

  step() {
    return noGrad(() => {
      const { a, b, call } = this;
      const began = performance.now();
      for (let done = 0; done < this.count; done += atOnce)
        scope(() => {
          for (let i = 0; i < atOnce; i++) call(a, b);
        });
      const whole = performance.now() - began;
      const looped = binding().repeat(this.schema, this.count, [a.id, b.id]) * 1000;
      return { milliseconds: (whole - looped) / this.count, whole: whole / this.count, looped: looped / this.count };
    });
  }
}

export function open(options) {
  setThreads(options.threads);
  return { worker: new Door(options), about: { threads: threads(), version: libtorchVersion() } };
}
