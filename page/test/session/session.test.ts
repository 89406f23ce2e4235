import { expect, test } from "vitest";
import type { PageDescription } from "../../../src/page/description.js";
import type { CallName, Calls } from "../../src/model/messages.js";
import { Session } from "../../src/session/session.js";

const description = {
  formatVersion: 1,
  model: { file: "model.onnx", bytes: 1, outputs: ["prediction", "features"], heads: 2 },
  image: { height: 16, width: 16, channels: 3 },
  patch: [4, 4],
  mask: { ratio: 0.75, kind: "random" },
  examples: [
    { file: "examples/0.png", name: "zero" },
    { file: "examples/1.png", name: "one" },
  ],
  features: { file: "features.bin", dimensions: 2 },
} as unknown as PageDescription;

type Handlers = { [N in CallName]: (input: Calls[N]["input"]) => Calls[N]["output"] };

const exampleBytes = async (): Promise<Blob> => new Blob([Float32Array.of(1, 0, 0, 1)]);

/** A session whose model answers at once. */
function bench(change: Partial<Handlers> = {}, hash = "", fetchBytes = exampleBytes) {
  const calls: CallName[] = [];
  const filled: number[] = [];
  const handlers: Handlers = {
    open: () => ({ name: "Wasm", threads: 1, difference: 0, note: undefined }),
    prepare: () => ({ data: new Uint8Array(768), height: 16, width: 16, channels: 3 }),
    fill: ({ keep }) => {
      filled.push(keep.length);
      return { prediction: new Float32Array(768), attention: undefined, milliseconds: 5 };
    },
    features: () => Float32Array.of(1, 0),
    ...change,
  };
  const client = {
    call: async <N extends CallName>(name: N, input: Calls[N]["input"]): Promise<Calls[N]["output"]> => {
      calls.push(name);
      return handlers[name](input);
    },
  };
  const around = { address: "http://page/", hash, wanted: undefined, fetchBytes };
  return { session: new Session(description, client, around), calls, filled };
}

const settle = async (): Promise<void> => void (await new Promise((resolve) => setTimeout(resolve, 5)));

test("it begins with the first example, fills it in, and asks for features when nothing else is to do", async () => {
  const { session, calls, filled } = bench();
  await session.start();
  await settle();
  expect(calls).toEqual(["open", "prepare", "fill", "features"]);
  expect(filled).toEqual([4]);
  expect(session.state).toMatchObject({
    pictureName: "zero",
    example: 0,
    isBusy: false,
    said: "Filled in 12 of 16 patches in 0.01 seconds.",
  });
  expect(session.state.features).toEqual(Float32Array.of(1, 0));
  expect(session.state.exampleFeatures).toEqual(Float32Array.of(1, 0, 0, 1));
});

test("of two pictures the one that was asked for last stays, however slow the first is", async () => {
  const late = async (): Promise<Blob> => {
    await settle();
    return new Blob([]);
  };
  const gone = async (): Promise<Blob> => {
    await settle();
    throw new Error("gone");
  };
  for (const fetchBytes of [late, gone]) {
    const { session } = bench({}, "", fetchBytes);
    const slow = session.openExample(1);
    await session.openFile(new Blob([]), "mine.png");
    await slow;
    expect(session.state).toMatchObject({ pictureName: "mine.png", example: undefined, notice: undefined });
  }
});

test("painting asks again, undo takes a whole stroke back", async () => {
  const { session, filled } = bench();
  await session.start();
  session.replaceMask("reveal");
  await settle();
  session.beginStroke();
  session.paint([0], session.strokeHides(0));
  session.paint([1, 2], true);
  await settle();
  expect(filled.at(-1)).toBe(13);
  session.undo();
  await settle();
  expect(filled.at(-1)).toBe(16);
  expect(session.strokeHides(0)).toBe(true);
  session.choose({ tool: "reveal" });
  expect(session.strokeHides(0)).toBe(false);
});

test("with everything hidden the model is left alone", async () => {
  const { session, filled } = bench();
  await session.start();
  await settle();
  session.replaceMask("hide");
  await settle();
  expect(filled).toEqual([4]);
  expect(session.state.said).toContain("needs at least one");
});

test("an address holds the view, and leads back to it", async () => {
  const { session } = bench();
  await session.start();
  await session.openExample(1);
  session.drawAgain({ kind: "block", ratio: 0.5, seed: 7 });
  session.choose({ everywhere: true, statistics: "interpolated" });
  const other = bench({}, session.hash()).session;
  await other.start();
  expect(other.state.mask).toEqual(session.state.mask);
  expect(other.state).toMatchObject({ example: 1, everywhere: true, statistics: "interpolated", pictureName: "one" });
  const third = bench().session;
  await third.start();
  await third.follow(session.hash());
  expect(third.state).toMatchObject({ example: 1, everywhere: true });
  expect(third.state.mask).toEqual(session.state.mask);
  await third.follow("#nonsense");
  expect(third.state.mask).toEqual(session.state.mask);
});

test("what goes wrong is told, and nothing is lost", async () => {
  const broken = (text: string) => (): never => {
    throw new Error(text);
  };
  const unloaded = bench({ open: broken("no memory") }).session;
  await unloaded.start();
  expect(unloaded.state.failure).toBe("The model could not be loaded: no memory");

  const { session } = bench({ fill: broken("a bad shape") });
  await session.start();
  await settle();
  expect(session.state).toMatchObject({ isBusy: false, notice: "The model could not fill this in: a bad shape" });

  let isBad = false;
  const reading = bench({
    prepare: () => {
      if (isBad) throw new Error("this file is not a picture");
      return { data: new Uint8Array(768), height: 16, width: 16, channels: 3 };
    },
  }).session;
  await reading.start();
  const { picture } = reading.state;
  isBad = true;
  await reading.openFile(new Blob([]), "notes.txt");
  expect(reading.state.notice).toBe("notes.txt: this file is not a picture.");
  expect(reading.state.picture).toBe(picture);
  reading.dismiss();
  expect(reading.state.notice).toBeUndefined();
});
