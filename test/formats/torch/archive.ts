import { crc32 } from "node:zlib";
import type { PickleValue } from "../../../src/formats/torch/globals.js";
import { TorchTensor } from "../../../src/formats/torch/globals.js";

export interface Entry {
  readonly name: string;
  readonly data: Uint8Array;
  /** What the directory says in place of the truth. */
  readonly lie?: {
    readonly offset?: number;
    readonly bytes?: number;
    readonly whole?: number;
    readonly method?: number;
  };
}

/** A ZIP archive of stored entries, by another hand than src/formats/torch/write.ts and able to lie. */
export function archive(entries: readonly Entry[]): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  let position = 0;
  for (const { name, data, lie = {} } of entries) {
    const local = Buffer.alloc(30 + name.length);
    local.write("PK\x03\x04", "latin1");
    local.writeUInt16LE(name.length, 26);
    local.write(name, 30);
    const central = Buffer.alloc(46 + name.length);
    central.write("PK\x01\x02", "latin1");
    central.writeUInt16LE(lie.method ?? 0, 10);
    central.writeUInt32LE(crc32(data), 16);
    central.writeUInt32LE(lie.bytes ?? data.length, 20);
    central.writeUInt32LE(lie.whole ?? lie.bytes ?? data.length, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(lie.offset ?? position, 42);
    central.write(name, 46);
    pieces.push(local, Buffer.from(data));
    directory.push(central);
    position += local.length + data.length;
  }
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(position, 16);
  return Buffer.concat([...pieces, ...directory, end]);
}

/** A file of torch.save around a pickle. */
export function saved(pickle: Uint8Array | string, storages: readonly Uint8Array[] = []): Buffer {
  const data = typeof pickle === "string" ? Buffer.from(pickle, "latin1") : pickle;
  return archive([
    { name: "archive/data.pkl", data },
    ...storages.map((storage, i) => ({ name: `archive/data/${i}`, data: storage })),
  ]);
}

/** Every tensor in a value, each container entered once. */
export function tensorsIn(value: PickleValue): TorchTensor[] {
  const [seen, found, waiting] = [new Set<unknown>(), [] as TorchTensor[], [value as unknown]];
  while (waiting.length > 0) {
    const item = waiting.pop();
    if (typeof item !== "object" || item === null || seen.has(item)) continue;
    seen.add(item);
    if (item instanceof TorchTensor) found.push(item);
    else if (Array.isArray(item)) for (const one of item) waiting.push(one);
    else if (item instanceof Map) for (const one of item.values()) waiting.push(one);
  }
  return found;
}
