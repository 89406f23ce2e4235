import { copyFileSync, mkdirSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const here = import.meta.dirname;
const out = join(here, "dist");

/** Wasm alone is the lighter one; the other also has WebGPU. */
const runtime = [
  "ort.wasm.min.mjs",
  "ort-wasm-simd-threaded.mjs",
  "ort-wasm-simd-threaded.wasm",
  "ort.webgpu.min.mjs",
  "ort-wasm-simd-threaded.asyncify.mjs",
  "ort-wasm-simd-threaded.asyncify.wasm",
];

/** onnxruntime-web lies beside the page as it was published: the page loads it when it needs it, and asks no other server. */
function copyRuntime(): Plugin {
  return {
    name: "copy-onnxruntime",
    closeBundle() {
      const require = createRequire(import.meta.url);
      const from = dirname(realpathSync(require.resolve("onnxruntime-web/wasm")));
      mkdirSync(join(out, "ort"), { recursive: true });
      for (const file of runtime) copyFileSync(join(from, file), join(out, "ort", file));
    },
  };
}

export default defineConfig({
  root: here,
  base: "./", // the folder may lie anywhere on a server
  plugins: [copyRuntime()],
  worker: { format: "es" },
  build: {
    outDir: out,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      input: { page: join(here, "index.html"), "service-worker": join(here, "src", "service-worker.ts") },
      output: {
        entryFileNames: ({ name }) => (name === "service-worker" ? "[name].js" : "assets/[name]-[hash].js"),
      },
    },
  },
});
