/** The entry of a thread that makes records of the files it is sent, one after the other. Started by `pool.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import { make, type RecordSettings } from "./record.js";

parentPort?.on("message", (path: string) => {
  void make(path, workerData as RecordSettings).then((made) => {
    parentPort?.postMessage(made, "record" in made ? [made.record.bytes.buffer as ArrayBuffer] : []);
  });
});
