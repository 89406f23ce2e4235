/**
 * Serves the features of an encoder over HTTP with onnxruntime-node: no libtorch is installed or loaded where it runs.
 *
 *   npx lacuna export runs/mine --onnx encoder.onnx
 *   npm install onnxruntime-node
 *   npx jiti examples/serve-features.ts encoder.onnx 8080
 *   curl --data-binary @cat.jpg localhost:8080     # [0.12,-1.4,…]: what lacuna embed writes for this picture
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { apply, KeyedRandom, type Transform } from "lacuna/data";
import { InferenceSession, Tensor } from "onnxruntime-node";
import protobuf from "protobufjs/minimal.js";
import sharp from "sharp";

const [file = "encoder.onnx", port = "8080"] = process.argv.slice(2);
const mostBytes = 50e6;

/** What `lacuna export` wrote into the file: ONNX keeps metadata in field 14, pairs of key (1) and value (2). */
function metadataOf(bytes: Uint8Array): Map<string, string> {
  const reader = protobuf.Reader.create(bytes);
  const found = new Map<string, string>();
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 !== 14) {
      reader.skipType(tag & 7);
      continue;
    }
    const end = reader.uint32() + reader.pos;
    const pair: Record<number, string> = {};
    while (reader.pos < end) pair[reader.uint32() >>> 3] = reader.string();
    found.set(pair[1] ?? "", pair[2] ?? "");
  }
  return found;
}

const { channels, resizeShorterSide, centerCrop, rescale, mean, std } = JSON.parse(
  metadataOf(readFileSync(file)).get("preprocessing") ?? "{}",
);
const view: Transform = [
  { type: "resize", size: resizeShorterSide },
  { type: "centerCrop", size: centerCrop },
];
const session = await InferenceSession.create(file);

/** Bytes of a JPEG, PNG, WebP, … -> float32 [1 C H W] */
async function inputOf(bytes: Buffer): Promise<Tensor> {
  const upright = sharp(bytes).rotate().flatten({ background: "white" });
  const decoded = upright.toColourspace(channels === 1 ? "b-w" : "srgb").raw();
  const { data, info } = await decoded.toBuffer({ resolveWithObject: true });
  const random = new KeyedRandom({ seed: 0, purpose: "serve", epoch: 0, sample: 0 }); // of which this view draws nothing
  const pixels = apply(view, { data, ...info, channels: info.channels }, random).data; // [H W C]
  const area = centerCrop[0] * centerCrop[1];
  const values = Float32Array.from({ length: channels * area }, (_, i) => {
    const [c, at] = [Math.floor(i / area), i % area];
    return ((pixels[at * channels + c] ?? 0) * rescale - mean[c]) / std[c];
  });
  return new Tensor("float32", values, [1, channels, ...centerCrop]);
}

async function featuresOf(request: IncomingMessage): Promise<string> {
  const isSmall = Number(request.headers["content-length"]) <= mostBytes;
  if (!isSmall) throw new RangeError("a picture that is too large, or whose length is not said");
  const { pooler_output: features } = await session.run({ pixel_values: await inputOf(await buffer(request)) });
  return JSON.stringify(Array.from(features?.data as Float32Array));
}

const server = createServer((request, response) => {
  featuresOf(request).then(
    (text) => response.setHeader("content-type", "application/json").end(text),
    (error: Error) => response.writeHead(400).end(`${error.message}\n`),
  );
});
server.listen(Number(port), () => {
  process.stdout.write(`http://localhost:${(server.address() as AddressInfo).port}\n`);
});
