import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { mlpHead } from "../../../src/methods/parts/heads.js";
import { Teacher, targetConfig } from "../../../src/methods/parts/teacher.js";
import type { Encoder } from "../../../src/models/encoder.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { Module } from "../../../src/nn/module.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { smallEncoder } from "../small.js";

const image = { imageSize: [8, 8], channels: 3 } as const;
const head = () => mlpHead({ inputs: 32, layers: 2, hidden: 8, output: 4, batchNorm: true, lastNorm: true });

class Student extends Module<[], undefined> {
  readonly encoder: Encoder = smallEncoder("vit", image);
  readonly projector = head();
  readonly predictor = head();
  /** -> nothing */
  protected forward(): undefined {
    return undefined;
  }
}

function pair(): { student: Student; teacher: Teacher } & Disposable {
  const student = new Student();
  const teacher = new Teacher(smallEncoder("vit", image), head(), "class");
  student.initialize(new Rng(0, "init"));
  teacher.initialize(new Rng(1, "init"));
  const close = (): void => [student, teacher].forEach((module) => void module.close());
  return { student, teacher, [Symbol.dispose]: close };
}

const values = (module: Module<never[], unknown>, name: string): number[] =>
  (module.state().get(name) as Tensor).toNumbers();
const names = [
  "encoder.blocks.1.attn.qkv.weight",
  "encoder.cls_token",
  "projector.3.weight",
  "projector.1.running_mean",
];

test("it has nothing to train and no predictor", () => {
  using both = pair();
  expect(both.teacher.parameters()).toEqual([]);
  expect([...both.teacher.state().keys()].filter((name) => name.startsWith("predictor"))).toEqual([]);
});

test("copy: the student to the bit, buffers too", () => {
  using both = pair();
  const { student, teacher } = both;
  noGrad(() => scope(() => student.projector.state().get("1.running_mean")?.add_(3)));
  scope(() => teacher.copy(student));
  for (const name of teacher.state().keys()) expect(values(teacher, name)).toEqual(values(student, name));
});

test("follow: parameters go the share 1 − m of the way, buffers stay", () => {
  using both = pair();
  const { student, teacher } = both;
  noGrad(() => scope(() => student.projector.state().get("1.running_mean")?.add_(3)));
  const before = names.map((name) => values(teacher, name));
  teacher.follow(student, 0.9);
  for (const [i, name] of names.entries()) {
    const theirs = values(student, name);
    const expected = (before[i] ?? []).map((own, j) =>
      name.includes("running") ? own : 0.9 * own + 0.1 * (theirs[j] ?? Number.NaN),
    );
    for (const [j, own] of values(teacher, name).entries()) expect(own).toBeCloseTo(expected[j] as number, 6);
  }
  teacher.follow(student, 0);
  expect(values(teacher, "encoder.cls_token")).toEqual(values(student, "encoder.cls_token"));
});

test("momentum 1, and a teacher that equals its student, stay to the bit", () => {
  using both = pair();
  const { student, teacher } = both;
  const before = values(teacher, "projector.0.weight");
  teacher.follow(student, 1);
  expect(values(teacher, "projector.0.weight")).toEqual(before);
  scope(() => teacher.copy(student));
  teacher.follow(student, 0.99);
  for (const name of names) expect(values(teacher, name)).toEqual(values(student, name));
});

test("its projections carry no gradient, and move its own statistics", () => {
  using both = pair();
  const { student, teacher } = both;
  scope(() => teacher.copy(student));
  teacher.setTraining(true);
  scope(() => {
    const made = teacher.call(new Rng(2, "x", 0, [0, 1, 2]).normal([3, 8, 8]));
    expect([made.shape, made.requiresGrad]).toEqual([[3, 4], false]);
  });
  expect(values(teacher, "projector.1.running_mean")).not.toEqual(values(student, "projector.1.running_mean"));
});

test("a student of another kind is refused by the name that it lacks", () => {
  using both = pair();
  expect(() => both.teacher.follow(both.student.projector, 0.9)).toThrow(
    "a teacher has encoder.cls_token, its student has not",
  );
});

test("branches are left out on the student's side alone; its batch norms stay in training", () => {
  const vit = new Vit(vitConfig.parse({ width: 16, depth: 2, heads: 2, patchSize: 4, dropPath: 0.5 }), image);
  using teacher = new Teacher(
    vit,
    mlpHead({ inputs: 16, layers: 2, hidden: 8, output: 4, batchNorm: true, lastNorm: true }),
    "class",
  );
  teacher.initialize(new Rng(0, "init"));
  teacher.setTraining(true);
  scope(() => {
    const pictures = new Rng(1, "pictures", 0, [0, 1, 2, 3]).normal([3, 8, 8]);
    expect(teacher.call(pictures).toNumbers()).toEqual(teacher.call(pictures).toNumbers()); // would ask for random numbers
  });
  expect(values(teacher, "projector.1.running_mean").some((value) => value !== 0)).toBe(true);
});

test.each([
  ["projector", 1, ["projector.3.weight"]],
  ["last", 1, ["encoder.blocks.1.attn.qkv.weight", "encoder.norm.weight", "projector.3.weight"]],
  ["first", 1, ["encoder.cls_token", "encoder.patch_embed.proj.weight", "encoder.blocks.0.attn.qkv.weight"]],
  ["last", 2, "all"],
] as const)(
  "scope %s of %i: its parameters are averages, the others the student's own to the bit",
  (name, layers, averaged) => {
    const student = new Student();
    const teacher = new Teacher(smallEncoder("vit", image), head(), "class", { scope: name, layers });
    student.initialize(new Rng(0, "init"));
    teacher.initialize(new Rng(1, "init"));
    const before = new Map([...teacher.state().keys()].map((key) => [key, values(teacher, key)]));
    scope(() => teacher.follow(student, 0.75));
    for (const key of names.filter((each) => !each.includes("running")).concat(averaged === "all" ? [] : averaged)) {
      const [own, theirs] = [values(teacher, key), values(student, key)];
      const isAverage = averaged === "all" || averaged.some((each) => each === key);
      if (!isAverage) expect(own).toEqual(theirs);
      else
        for (const [i, value] of own.entries())
          expect(value).toBeCloseTo(0.75 * (before.get(key)?.[i] ?? 0) + 0.25 * (theirs[i] ?? 0), 5);
    }
    for (const module of [student, teacher]) module.close();
  },
);

test("only the projector's target can share the student's features", () => {
  expect(targetConfig.parse({ scope: "projector", route: "shared" })).toEqual({
    scope: "projector",
    layers: 1,
    route: "shared",
  });
  expect(targetConfig.safeParse({ route: "shared" }).error?.issues[0]?.message).toContain(
    "expected full, or scope projector",
  );
});
