import { expect, test } from "vitest";
import { Client, type Port } from "../../src/model/client.js";
import type { Answer, Request } from "../../src/model/messages.js";

function bench() {
  const sent: Request[] = [];
  const shares: number[] = [];
  const port: Port = { postMessage: (message) => void sent.push(message as Request), onmessage: null, onerror: null };
  const client = new Client(port, (share) => shares.push(share));
  const answer = (data: Answer): void => port.onmessage?.({ data } as MessageEvent<Answer>);
  return { client, port, sent, shares, answer };
}

test("answers find their calls, in whatever order they come", async () => {
  const { client, sent, answer } = bench();
  const picture = { data: new Uint8Array(3), height: 1, width: 1, channels: 3 };
  const [one, two] = [client.call("features", { picture }), client.call("features", { picture })];
  expect(sent.map(({ name }) => name)).toEqual(["features", "features"]);
  answer({ id: sent[1]?.id ?? -1, output: Float32Array.of(2) });
  answer({ id: sent[0]?.id ?? -1, output: Float32Array.of(1) });
  expect([await one, await two]).toEqual([Float32Array.of(1), Float32Array.of(2)]);
});

test("errors reject, progress is passed on, and a dead worker rejects all", async () => {
  const { client, port, sent, shares, answer } = bench();
  const failing = client.call("prepare", { file: new Blob([]) });
  answer({ progress: 0.5 });
  answer({ id: sent[0]?.id ?? -1, error: "this file is not a picture" });
  await expect(failing).rejects.toThrow("this file is not a picture");
  expect(shares).toEqual([0.5]);
  const waiting = client.call("prepare", { file: new Blob([]) });
  port.onerror?.({ message: "the worker died" } as ErrorEvent);
  await expect(waiting).rejects.toThrow("the worker died");
});
