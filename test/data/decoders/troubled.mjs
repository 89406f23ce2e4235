/**
 * A decoder for tests: the file's name says what happens. The picture's grey level is the number in the name.
 */
import { threadId } from "node:worker_threads";

export async function decodeFile(path) {
  const name = path.split("/").at(-1);
  if (name.includes("hang-promise")) await new Promise(() => {});
  if (name.includes("hang-loop")) for (;;);
  if (name.includes("exit")) process.exit(3);
  if (name.includes("throw-later")) {
    setTimeout(() => {
      throw new Error("thrown from a timer");
    }, 0);
    await new Promise(() => {});
  }
  if (name.includes("memory")) {
    const held = [];
    for (;;) held.push(new Array(1e6).fill(threadId));
  }
  if (name.includes("odd")) throw "not even an Error";
  const level = Number(/\d+/.exec(name)?.[0] ?? 0);
  return { data: new Uint8Array(6 * 5 * 3).fill(level), height: 6, width: 5, channels: 3 };
}
