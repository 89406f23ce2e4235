/** What a checkpoint of a student and a teacher must say and give, whichever of the two is asked for. */
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { type LoadOptions, loadModel } from "../../../src/train/checkpoints/load.js";
import { expectSome, pictures, type Some } from "../convnet-formula.js";

const ofTeacher = "the encoder is the teacher (--no-teacher takes the student)";
const ofStudent = "the encoder is the student (--teacher takes the other)";

/** @param recorded features of both that the official code has for two pictures of 64 px */
export function testNetworks(
  path: string,
  model: string,
  hints: LoadOptions,
  recorded: { readonly teacher: Some; readonly student: Some },
): void {
  test("teacher, or student where that is asked for, gives the official code's features, and which one it is, is said", () => {
    for (const [teacher, theirs, said] of [
      [undefined, recorded.teacher, ofTeacher],
      [true, recorded.teacher, ofTeacher],
      [false, recorded.student, ofStudent],
    ] as const) {
      using loaded = loadModel(path, { ...hints, ...(teacher === undefined ? {} : { teacher }) });
      expect(loaded.config.model.name).toBe(model);
      expect(loaded.assumed).toContain(said);
      expect(loaded.method === undefined).toBe(teacher === false);
      noGrad(() => scope(() => expectSome(loaded.features(pictures(2, 64)), theirs, 1e-5, said)));
    }
  });
}
