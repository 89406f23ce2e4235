import { afterEach, expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { record } from "../../src/engine/record.js";
import { liveTensors, scope } from "../../src/engine/scope.js";
import { LacunaError } from "../../src/errors.js";
import { Block } from "../../src/nn/block.js";
import { zero } from "../../src/nn/init.js";
import { Linear } from "../../src/nn/linear.js";
import { Buffer, Chain, Module, Parameter, snakeCase, watchOutputs } from "../../src/nn/module.js";
import { onDevice } from "../../src/nn/parameter.js";
import { zeros } from "../../src/tensor/creation.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";

class Small extends Module {
  readonly firstLayer = new Linear(4, 4);
  readonly blocks = new Chain([new Block(4, 2), new Block(4, 2)]);
  readonly heads = [new Linear(4, 2, { bias: false })];
  readonly runningMean = new Buffer([2], zero);
  readonly frozen = new Parameter([1], zero, false);

  protected forward(x: Tensor): Tensor {
    return (this.heads[0] as Linear).call(this.blocks.call(this.firstLayer.call(x)));
  }
}

const made: Small[] = [];
function small(): Small {
  const model = new Small();
  made.push(model);
  model.initialize(new Rng(0, "init"));
  return model;
}
afterEach(() => {
  for (const model of made.splice(0)) model.close();
});

test("state has the published names, in order; training changes parameters only", () => {
  const model = small();
  const names = [...model.state().keys()];
  expect(names.slice(0, 4)).toEqual(["running_mean", "frozen", "first_layer.weight", "first_layer.bias"]);
  expect(names).toContain("blocks.1.attn.qkv.weight");
  expect(names.at(-1)).toBe("heads.0.weight");
  const trained = model.parameters().map(({ name }) => name);
  expect(trained).not.toContain("running_mean");
  expect(trained).not.toContain("frozen");
  expect(snakeCase("patchEmbed")).toBe("patch_embed");
});

test("a call frees all but what forward returns", () => {
  const model = small();
  scope(() => {
    const x = zeros([1, 3, 4]);
    const before = liveTensors();
    const y = model.call(x);
    expect(liveTensors()).toBe(before + 1);
    expect(y.shape).toEqual([1, 3, 2]);
  });
});

test("without gradients a chain holds no more than one link's result; with them, and in a recording, all", () => {
  const counts: number[] = [];
  class Counting extends Module {
    protected forward(x: Tensor): Tensor {
      counts.push(liveTensors());
      return x.add(1);
    }
  }
  class Same extends Module {
    protected forward(x: Tensor): Tensor {
      return x;
    }
  }
  const chain = new Chain<Module>([new Counting(), new Same(), new Counting(), new Counting(), new Counting()]);
  const growth = (run: (body: () => void) => void): number => {
    counts.length = 0;
    scope(() => {
      const x = zeros([2]);
      run(() => expect(chain.call(x).device).toBe("cpu"));
      expect(x.toNumbers()).toEqual([0, 0]); // what came in is the caller's
    });
    return (counts.at(-1) ?? 0) - (counts[1] ?? 0);
  };
  expect(growth((body) => noGrad(body))).toBe(0);
  expect(growth((body) => body())).toBe(2);
  expect(growth((body) => noGrad(() => void record(body)))).toBe(2);
  expect(noGrad(() => scope(() => chain.call(zeros([2])).toNumbers()))).toEqual([4, 4]);
});

test("every parameter gets a gradient, checkpointed or not, and the same", () => {
  const model = small();
  model.setTraining(true);
  const gradients = (): number[][] =>
    scope(() => {
      for (const { tensor } of model.parameters()) tensor.grad = undefined;
      backward(
        model
          .call(new Rng(1, "x").normal([3, 4]))
          .pow(2)
          .sum(),
      );
      return model.parameters().map(({ tensor }) => (tensor.grad as Tensor).toNumbers());
    });
  const plain = gradients();
  expect(plain.every((values) => values.some((value) => value !== 0))).toBe(true);
  model.blocks.checkpointing = true;
  expect(gradients()).toEqual(plain);
  for (const { tensor } of model.parameters()) tensor.grad = undefined;
});

test("an error names the module's path, also of a grandchild called directly", () => {
  const model = small();
  const wrong = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(LacunaError);
      return (error as LacunaError).message;
    }
    throw new Error("nothing was thrown");
  };
  scope(() => {
    const x = zeros([2, 5, 3]);
    expect(wrong(() => model.call(x))).toBe("in small.first_layer: linear expects [… 4], got [2 5 3].");
    expect(wrong(() => model.blocks.call(zeros([2, 5, 8])))).toContain("in chain.0.norm1: ");
  });
});

test("a recording knows which module made each step", () => {
  const model = small();
  scope(() => {
    const x = zeros([1, 3, 4]);
    const { recording } = record(() => model.call(x));
    const paths = new Set(recording.steps.map(({ module }) => module.join(".")));
    expect(paths).toContain("small.first_layer");
    expect(paths).toContain("small.blocks.1.mlp.fc2");
    expect(paths).toContain("small.heads.0");
  });
});

test("first values depend on seed and name alone", () => {
  const [a, b] = [small(), small()];
  const values = (model: Small): number[] => (model.state().get("blocks.0.mlp.fc1.weight") as Parameter).toNumbers();
  expect(values(a)).toEqual(values(b));
  const before = values(a);
  a.initialize(new Rng(1, "init"));
  expect(values(a)).not.toEqual(before);
  expect((a.state().get("blocks.1.mlp.fc1.weight") as Parameter).toNumbers()).not.toEqual(values(a));
});

test("on meta nothing is allocated and nothing initialised", () => {
  const model = onDevice("meta", () => new Small());
  made.push(model);
  model.initialize(new Rng(0, "init"));
  expect([...model.state().values()].every(({ device }) => device === "meta")).toBe(true);
  scope(() => expect(model.call(zeros([2, 3, 4], { device: "meta" })).shape).toEqual([2, 3, 2]));
});

test("outputs can be watched, innermost first", () => {
  const model = small();
  const seen: number[][] = [];
  scope(() =>
    watchOutputs(
      (result) => seen.push([...(result as Tensor).shape]),
      () => void model.call(zeros([1, 3, 4])),
    ),
  );
  expect(seen[0]).toEqual([1, 3, 4]);
  expect(seen.at(-1)).toEqual([1, 3, 2]);
});
